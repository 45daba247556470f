"""`python -m fer.seeds MODEL --seeds 1,2,3`: how far a model's accuracy moves with the seed of its training."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fer.errors import not_installed

try:
    from fer import artifacts, check, commands, config, models, paths, variants, writing
    from fer.evaluation import spread
    from fer.evaluation.spread import Spread
    from fer.variants import Causes
except ModuleNotFoundError as missing:
    raise SystemExit(f"Error: {not_installed(missing)}") from None

if TYPE_CHECKING:
    from fer.evaluation.predictions import Predictions

WORK = paths.CACHE / "seeds"


def answers(
    name: str, seed: int, params: config.Params, found: config.Params, causes: Causes
) -> "tuple[Predictions, float]":
    """Train and evaluate a model with one seed, unless that is done.

    Args:
        name: of the model.
        seed: of the training.
        params: its settings.
        found: those of `params.yaml`.
        causes: what decides the result.

    Returns:
        Its probabilities, and how many seconds its training took.

    Raises:
        Busy: another process does it.
    """
    from fer.evaluation import predictions
    from fer.evaluation.predict import predict

    seeded = params.model_copy(update={"train": params.train.model_copy(update={"seed": seed})})
    with variants.folder(WORK / name / causes.key() / str(seed), name, seeded, found):
        variants.train(name, seeded)
        if not predictions.path(name).exists():
            predictions.write(name, predict(name, seeded))
        seconds = sum(float(artifacts.read_json(file)["seconds"]) for file in paths.TIMES.glob("*.json"))
        return predictions.read(name), seconds


def record(
    file: Path, seed: int, found: "Predictions", seconds: float, of: Spread, params: config.Params, test: bool = False
) -> Spread:
    """Measure probabilities, and add them to a file of runs.

    Args:
        file: of the runs; those that had other causes are given up.
        seed: of the training.
        found: the probabilities.
        seconds: that the training took.
        of: settings and causes of the runs.
        params: the split's protocol is used.
        test: whether to record the accuracy on test too.

    Returns:
        All runs of the file.
    """
    from fer.data import splits
    from fer.evaluation import subsets

    table = splits.read(paths.SPLITS, len(artifacts.read_table(paths.SPLITS)))
    measured = subsets.measure(found, table, params.split.protocol)
    own = artifacts.rounded(subsets.selection(measured) | ({"test": measured["test"]["accuracy"]} if test else {}))
    with writing.alone("seeds"):  # other processes add other seeds
        before = spread.read(file)
        before = before if before.causes == of.causes else Spread()
        runs, times = {**before.runs, seed: own}, {**before.seconds, seed: seconds}
        spread.write(file, Spread(runs, of.settings, of.causes, times))
        return spread.read(file)


def _series(name: str, causes: Causes) -> Spread:
    """The runs of a model that had the same causes; a series that had others is put aside, one that had these back."""
    with writing.alone("seeds"):
        recorded, file = spread.read(spread.path(name)), spread.earlier(name, causes.key())
        if recorded.causes == causes.key():
            return recorded
        if recorded.runs:
            spread.write(spread.earlier(name, recorded.causes), recorded)
        if file.exists():
            spread.write(spread.path(name), spread.read(file))
            return spread.read(file)
        return Spread({}, causes.settings, causes.key())


def _numbers(_: Any, __: Any, text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = [-1]
    if min(numbers) < 0 or max(numbers) >= 2**32:
        raise click.BadParameter(f"{text!r} is not a list of whole numbers such as 1,2,3.")
    return list(dict.fromkeys(numbers))


@commands.long_command("seeds")
@click.argument("model", type=click.Choice(list(models.MODELS)), metavar="MODEL")
@click.option(
    "--seeds", default="1,2,3", show_default=True, callback=_numbers, help="Seeds (train.seed), separated by commas."
)
@click.option(
    "-S", "settings", multiple=True, metavar="KEY=VALUE", help="Change a setting, as in `dvc exp run -S`. Repeatable."
)
@click.option("--test", is_flag=True, help="Measure on test too; only for a final model, after all choices.")
@click.option("--background", is_flag=True, help="Run in the background; the output goes to a log file.")
def main(model: str, seeds: list[int], settings: Sequence[str], test: bool, background: bool) -> None:
    """Train MODEL once per seed, and write each run, the mean and the standard deviation to metrics/seeds/MODEL.json.

    MODEL is a model of params.yaml, such as mlp. The pipeline's data are used, and its results are not changed. You can
    stop at any time; the same command continues after the last finished epoch. A seed that is already recorded with the
    same settings, code and data is not trained again. Several processes can share the work; each takes the seeds that
    no other is training.
    """
    found = check.params()
    params, values = variants.changed(model, settings, found)
    causes = variants.causes(model, params)
    causes.check(model, values)
    if background:
        log = WORK / f"{model}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "fer.seeds", *(word for word in sys.argv[1:] if word != "--background")]
        with log.open("a") as file:
            started = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
        click.echo(f"Process {started.pid} writes to {log}; `kill {started.pid}` stops it.")
        return
    series = _series(model, causes)
    for seed in seeds:
        recorded = series.runs.get(seed)
        if recorded and ("test" in recorded or not test):
            click.echo(f"seed {seed}: recorded already, val {100 * recorded['val']:.2f}")
            continue
        try:
            done = answers(model, seed, params, found, causes)
        except commands.Busy as busy:
            click.echo(f"seed {seed}: {busy.message}", err=True)
        else:
            with writing.alone("seeds"):
                _series(model, causes)  # another process may have put a series of other settings there
                series = record(spread.path(model), seed, *done, series, params, test)
            click.echo(f"seed {seed}: val {100 * series.runs[seed]['val']:.2f}")
    series = _series(model, causes)
    click.echo(f"{model}: val {series.text('val') or 'not measured yet'}; {spread.path(model)}")


if __name__ == "__main__":
    main()
