"""`python -m fer.findings [NAME...]`: what is claimed of some methods, answered by trainings: docs/findings.md."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import click
from pydantic import Field

from fer.errors import FerError, not_installed

try:
    from fer import artifacts, check, commands, config, config_file, hashing, models, paths, search, seeds, variants
    from fer.config_parts import Section, Seed
    from fer.evaluation import spread
    from fer.evaluation.markdown import NONE, table, wrap
    from fer.evaluation.spread import Spread
    from fer.variants import Causes
except ModuleNotFoundError as missing:
    raise SystemExit(f"Error: {not_installed(missing)}") from None

if TYPE_CHECKING:
    from fer.evaluation.predictions import Predictions

TABLE, PAGE = Path("experiments/findings.yaml"), Path("docs/findings.md")
Model = Annotated[str, Field(pattern=f"^({'|'.join(models.MODELS)})$")]
Setting = Annotated[str, Field(pattern=rf"^({'|'.join(models.MODELS)}|train|evaluate|graphs)\.[\w.]+=.+$")]


class Variant(Section):
    """One way to train: settings over the finding's, the models whose answers are averaged, and what is compared."""

    settings: tuple[Setting, ...] = ()
    models: tuple[Model, ...] = ()
    metric: Literal["val", "val_single_view"] = "val"


class Finding(Section):
    """A claim, and the variants that answer it; the first is the baseline."""

    question: str
    claimed: str
    models: Annotated[tuple[Model, ...], Field(min_length=1)]
    settings: tuple[Setting, ...] = ()
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    variants: Annotated[dict[Annotated[str, Field(pattern=r"^[\w.,+ -]+$")], Variant], Field(min_length=2)]


class Findings(Section):
    """The content of `experiments/findings.yaml`."""

    findings: dict[Annotated[str, Field(pattern=r"^\w+$")], Finding]


def file(name: str, label: str) -> Path:
    """The runs of a finding's variant."""
    return paths.FINDINGS / name / f"{label}.json"


def asked(finding: Finding, label: str, found: config.Params) -> config.Params:
    """The settings of a variant.

    Raises:
        FerError: one is no good.
    """
    return config_file.change(found, [*finding.settings, *finding.variants[label].settings])[0]


def train(name: str, finding: Finding, found: config.Params) -> None:
    """Train the variants of a finding with its seeds, but for those that are recorded with the same causes.

    Args:
        name: of the finding.
        finding: what to train.
        found: the settings of `params.yaml`.

    Raises:
        FerError: a setting is no good, the data are not up to date, or a training fails.
    """
    work: dict[str, tuple[config.Params, dict[str, Causes], Spread]] = {}
    used = {model for variant in finding.variants.values() for model in variant.models or finding.models}
    needs = {model: variants.needs(model) for model in sorted(used)}
    for label, variant in finding.variants.items():
        params = asked(finding, label, found)
        members = variant.models or finding.models
        causes = {model: needs[model].causes(variants.changed(model, (), params)[0]) for model in members}
        settings = {key: value for one in causes.values() for key, value in one.settings.items()}
        key = hashing.sha256(" ".join(one.key() for one in causes.values()).encode())[:12]
        work[label] = params, causes, Spread({}, settings, key)
        if spread.read(file(name, label)).causes != key:
            file(name, label).unlink(missing_ok=True)  # so that all that is recorded can be compared
    for seed in finding.seeds:  # a seed of all variants first: their differences are what is asked for
        for label, (params, causes, series) in work.items():
            if seed not in spread.read(file(name, label)).runs:
                try:
                    done = {model: seeds.answers(model, seed, params, found, one) for model, one in causes.items()}
                except commands.Busy as busy:
                    click.echo(f"{name}, {label}, seed {seed}: {busy.message}", err=True)
                    continue
                answers = {model: one for model, (one, _) in done.items()}
                series = seeds.record(
                    file(name, label), seed, _mean(answers), sum(time for _, time in done.values()), series, params
                )
            recorded = spread.read(file(name, label)).runs[seed]
            click.echo(f"{name}, {label}, seed {seed}: val {100 * recorded[finding.variants[label].metric]:.2f}")


def page(content: Findings, found: config.Params) -> str:
    """`docs/findings.md`, from what is recorded.

    Args:
        content: the table of findings.
        found: the settings of `params.yaml`.
    """
    sections = [
        "# Findings",
        """What is claimed of some methods, and what trainings here say. Made by `python -m fer.findings` from
        `experiments/findings.yaml`; every figure is of runs that `metrics/findings/` records. Accuracy on val in
        percent, mean ± standard deviation over seeds. *Difference* is that to the first row, taken seed by seed; its
        deviation says how far it can be trusted. *Minutes* are those of one training, on whatever machine it ran.""",
        table(
            ["finding", "claimed", "largest difference measured", "by"],
            [[f"[{name}](#{name})", one.claimed, *_largest(name, one)] for name, one in content.findings.items()],
            left=2,
        ),
    ]
    for name, finding in content.findings.items():
        sections += _section(name, finding, found)
    return "\n\n".join(text if text[:1] in "#|`" else wrap(text) for text in sections) + "\n"


def _section(name: str, finding: Finding, found: config.Params) -> Iterator[str]:
    yield f"## {name}"
    options = search.as_options(dict(text.split("=", 1) for text in finding.settings))
    common = f" with `{options}`" if options else ""
    yield f"{finding.question} Claimed: {finding.claimed}. Here: {', '.join(finding.models)}{common}."
    recorded = {label: spread.read(file(name, label)) for label in finding.variants}
    if not any(one.runs for one in recorded.values()):
        yield "It has not been run yet."
    else:
        rows = []
        for label, variant in finding.variants.items():
            one, minutes = recorded[label], recorded[label].minutes()
            rows.append([
                label, search.as_options(dict(text.split("=", 1) for text in variant.settings)) or NONE,
                one.text(variant.metric) or "not run", _gain(recorded, finding, label) or NONE,
                f"{minutes:.1f}" if minutes is not None else NONE,
            ])  # fmt: skip
        yield table(["variant", "settings", "val", "difference", "minutes"], rows, left=2)
        changed = {key for label, one in recorded.items() for key in one.differs(asked(finding, label, found))}
        if changed:
            yield f"""These runs had other settings than `params.yaml` and the table of findings have now:
                {", ".join(f"`{key}`" for key in sorted(changed))}. The command below runs them again."""
    yield f"`python -m fer.findings {name}`"


def _gain(recorded: dict[str, Spread], finding: Finding, label: str) -> str:
    first = next(iter(finding.variants))
    base = recorded[first].by_seed(finding.variants[first].metric)
    return "" if label == first else spread.gain(recorded[label].by_seed(finding.variants[label].metric), base)


def _largest(name: str, finding: Finding) -> tuple[str, str]:
    recorded = {label: spread.read(file(name, label)) for label in finding.variants}
    gains = {label: text for label in finding.variants if (text := _gain(recorded, finding, label))}
    best = max(gains, key=lambda label: float(gains[label].split()[0]), default=None)
    return (gains[best], best) if best else ("not run yet", NONE)


def _mean(answers: "dict[str, Predictions]") -> "Predictions":
    from fer.evaluation import ensemble

    return ensemble.average(answers) if len(answers) > 1 else next(iter(answers.values()))


@commands.long_command("findings")
@click.argument("names", nargs=-1)
@click.option("--page-only", is_flag=True, help="Train nothing; write the page from what is recorded.")
def main(names: Sequence[str], page_only: bool) -> None:
    """Run the trainings for the findings NAMES of experiments/findings.yaml, or for all; write docs/findings.md.

    Stop it whenever you like: the same command continues after the last finished epoch. What is recorded with the same
    settings, code and data is not trained again. Several processes can share the work.
    """
    content = config_file.read(TABLE, Findings)
    unknown = [name for name in names if name not in content.findings]
    if unknown:
        raise click.UsageError(f"{TABLE} has no finding {unknown[0]}: choose from {', '.join(content.findings)}.")
    found = config.load() if page_only else check.params()
    failed = []
    for name in () if page_only else names or content.findings:
        try:
            train(name, content.findings[name], found)
        except FerError as error:  # say, weights that can't be downloaded: the others can be answered all the same
            click.echo(f"{name}: {error.message}", err=True)
            failed.append(name)
        artifacts.write_text(PAGE, page(content, found))
    artifacts.write_text(PAGE, page(content, found))
    if failed:
        raise FerError(f"Not answered: {', '.join(failed)}; the reasons stand above. Everything else is in {PAGE}.")
    click.echo(f"The findings are in {PAGE}.")


if __name__ == "__main__":
    main()
