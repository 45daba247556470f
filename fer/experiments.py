"""`python -m fer.experiments`: docs/experiments.md, all that was tried, from the project's own records."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from fer.errors import FerError, not_installed

try:
    from fer import artifacts, check, commands, config, config_file, findings, models, paths, search, studies, tune
    from fer.evaluation import results, spread
    from fer.evaluation.markdown import NONE, percent, table, wrap
    from fer.evaluation.spread import Spread
except ModuleNotFoundError as missing:
    raise SystemExit(f"Error: {not_installed(missing)}") from None

PAGE, KEPT = Path("docs/experiments.md"), paths.METRICS / "experiments.json"
HEADER = ("model", "settings", "val before", "val after", "difference", "seeds", "minutes")


def series(params: config.Params) -> list[list[str]]:
    """A row for each series of seeds that `fer.seeds` has recorded, by `HEADER`.

    Before is the series of the model from which it differs least, among those of the same data that are nearer to
    `params.yaml`.
    """
    files = [*sorted(paths.EXPERIMENTS.glob("*.json")), *sorted(paths.SEEDS.glob("*.json"))]
    found: dict[tuple[str, str], Spread] = {}
    for file in files:  # what is in both was brought back, and may have more seeds where it is used now
        one = spread.read(file)
        found[file.stem.removesuffix(f"-{one.causes}"), one.causes] = one
    rows = []
    for (name, _), one in sorted(found.items(), key=lambda item: (item[0][0], len(item[1].differs(params)))):
        changed = one.differs(params)
        others = [other for (model, _), other in found.items() if model == name]
        same = [other for other in others if _data(other.settings) == _data(one.settings)]
        nearer = [other for other in same if len(other.differs(params)) < len(changed)]
        base = min(nearer, key=lambda other: len(dict_difference(one.settings, other.settings)), default=None)
        gain = spread.gain(one.by_seed("val"), base.by_seed("val")) if base else ""
        rows.append([
            name, search.as_options(changed) or "as in params.yaml",
            spread.points(base.values("val")) if base else NONE, spread.points(one.values("val")),
            gain or NONE, str(len(one.runs)), _minutes(one.minutes()),
        ])  # fmt: skip
    return rows


def dvc_experiments() -> dict[str, list[list[str]]]:
    """The rows, by `HEADER`, of each of DVC's experiments here by its name: one for each model whose metrics changed.

    Raises:
        FerError: DVC can't tell.
    """
    found = {}
    for commit in _shown():
        for experiment in commit["experiments"] or ():
            tip = experiment["revs"][0]
            if commit["data"] and tip["data"]:
                found[str(experiment["name"])] = list(_changes(commit["data"], tip["data"]))
    return {name: rows for name, rows in found.items() if rows}


def _shown() -> list[dict[str, Any]]:
    """DVC's experiments, below the commits that they started from, as `dvc exp show --json` gives them."""
    with check.dvc() as repo:
        commits = list(repo.experiments.ls(all_commits=True))
    if not commits:  # without one, DVC would show the last commit
        return []
    revisions = [word for commit in commits for word in ("--rev", commit)]
    command = [sys.executable, "-m", "dvc", "exp", "show", "--json", *revisions]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FerError(f"DVC can't list its experiments: {' '.join(done.stderr.split())[-300:]}")
    return list(json.loads(done.stdout))


def _changes(start: Mapping[str, Any], end: Mapping[str, Any]) -> Iterator[list[str]]:
    old, new = ({path: one.get("data") or {} for path, one in data["metrics"].items()} for data in (start, end))
    was, now = (config_file.flat(data["params"].get("params.yaml", {}).get("data", {})) for data in (start, end))
    changed = dict_difference(now, was)
    settings = search.as_options(changed) or "other code or data"
    for name in (*models.MODELS, *config.ensembles()):
        file = str(paths.METRICS / f"{name}.json")
        if "val" in new.get(file, {}) and new[file] != old.get(file):
            after, before = float(new[file]["val"]), None if _data(changed) else old.get(file, {}).get("val")
            times = [str(paths.TIMES / f"{training}.json") for training in results.trainings(name)]
            trained = [new[time]["seconds"] for time in times if time in new and new[time] != old.get(time)]
            gain = NONE if before is None else f"{100 * (after - float(before)):+.1f}"
            minutes = _minutes(sum(trained) / 60 if trained else None)
            yield [name, settings, percent(before), percent(after), gain, "1", minutes]


def searches(params: config.Params) -> dict[str, list[list[str]]]:
    """The row, by `HEADER`, of each study of `fer.tune` in `.cache/tune/`: the first trial, and the best."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.trial import TrialState

    found = {}
    for file in sorted(tune.WORK.glob("*.journal")):
        storage = JournalStorage(JournalFileBackend(str(file)))
        for name in optuna.study.get_all_study_names(storage):
            study = optuna.load_study(study_name=name, storage=storage)
            trials = study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))
            complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
            if not complete or name not in models.MODELS:
                continue
            space, best = search.space(params.model(name), name), study.best_trial
            values = search.decode({key: value for key, value in best.params.items() if key in space}, space)
            before, after = (float(trial.value or 0) for trial in (complete[0], best))
            taken = sum(trial.duration.total_seconds() for trial in trials if trial.duration) / 60
            options = f"{study.user_attrs.get(studies.FIXED, '')} {search.as_options(values)}".strip()
            text = f"best of {len(trials)} trials: {options}"
            gain = f"{100 * (after - before):+.1f}"
            found[f"{file.stem} {name}"] = [[name, text, percent(before), percent(after), gain, "1", _minutes(taken)]]
    return found


def page(recorded: list[list[str]], kept: Mapping[str, Mapping[str, list[list[str]]]]) -> str:
    """`docs/experiments.md`.

    Args:
        recorded: the rows of `series`.
        kept: the rows of `dvc_experiments` as `dvc`, and of `searches` as `tune`.
    """
    by_dvc, by_tune = ([row for rows in kept[key].values() for row in rows] for key in ("dvc", "tune"))
    sections = [
        "# Experiments",
        """What was tried, also what did not help. Made by `python -m fer.experiments` from the records of `fer.seeds`
        (`metrics/seeds/`, `metrics/experiments/`), of DVC's experiments and of `fer.tune` (`metrics/experiments.json`
        keeps what was found of these two). Accuracy on val in percent; test is no part of any choice. Claims of others
        are answered in [findings.md](findings.md).""",
        "## Over seeds",
        """Mean ± standard deviation over trainings that differ in their seed. Settings are those that differ from
        `params.yaml` as it is now. *Before* is the series from which this one differs least, among those nearer to
        `params.yaml`; the difference is taken seed by seed. Minutes are those of one training.""",
        table(HEADER, recorded, left=2) if recorded else "None has been recorded.",
        "## DVC's experiments",
        """One training each, so differences within the spread above mean nothing. *Before* is the commit that the
        experiment started from, and settings are those that it changed.""",
        table(HEADER, by_dvc, left=2) if by_dvc else "None has been recorded.",
        "## Searches",
        """*Before* is the first trial, `params.yaml` as it was; *after* is the best of all, which is partly luck; both
        in one view. Minutes are those of the whole search.""",
        table(HEADER, by_tune, left=2) if by_tune else "None has been recorded.",
    ]
    return "\n\n".join(text if text[:1] in "#|" else wrap(text) for text in sections) + "\n"


def _data(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that decide which faces are measured: accuracies with others of these can't be compared."""
    return {key: value for key, value in settings.items() if key.startswith(("data.", "split."))}


def dict_difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of the first that the second lacks or has with another value."""
    return {key: value for key, value in one.items() if key not in other or other[key] != value}


def _minutes(minutes: float | None) -> str:
    return NONE if minutes is None else f"{minutes:.1f}"


@commands.long_command("experiments")
def main() -> None:
    """Write docs/experiments.md: what was tried, val before and after, seeds, spread and cost; and docs/findings.md."""
    params = config.load()
    before = artifacts.read_cache(KEPT)
    here = {"dvc": dvc_experiments(), "tune": searches(params)}
    kept = {key: {**before.get(key, {}), **rows} for key, rows in here.items()}
    artifacts.write_json(KEPT, kept)
    artifacts.write_text(PAGE, page(series(params), kept))
    content = config_file.read(findings.TABLE, findings.Findings)
    artifacts.write_text(findings.PAGE, findings.page(content, params))
    click.echo(f"{PAGE} and {findings.PAGE} are written.")


if __name__ == "__main__":
    main()
