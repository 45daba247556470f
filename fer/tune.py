"""`python -m fer.tune MODEL`: search for better settings of a model, by their accuracy on val."""

import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fer.errors import DivergedError, FerError, not_installed

try:
    from fer import check, commands, config, config_file, hashing, models, paths, search, studies, tune_figure, variants
    from fer.search import Search
except ModuleNotFoundError as missing:
    raise SystemExit(f"Error: {not_installed(missing)}") from None

if TYPE_CHECKING:
    import lightning as L
    import optuna

WORK, PICTURES = paths.CACHE / "tune", paths.PLOTS / "tune"


def run(
    trial: "optuna.Trial",
    space: Mapping[str, Search],
    name: str,
    params: config.Params,
    found: config.Params,
    work: Path,
) -> float:
    """Train one trial.

    Args:
        trial: with its values.
        space: what is searched.
        name: of the model.
        params: the settings that are not searched.
        found: those of `params.yaml`.
        work: the folder of the trials' folders.

    Returns:
        The best epoch's accuracy on val in one view.

    Raises:
        TrialPruned: it was worse than the median of the others at the same epoch, or its settings do not fit together.
    """
    import optuna

    studies.sign(trial)
    try:
        tried = config_file.with_values(params, search.decode(trial.params, space))
    except FerError as error:  # say, a width that is no multiple of the number of heads
        raise optuna.TrialPruned(f"refused: {error.message}") from error
    folder = work / trial.user_attrs[studies.FOLDER]
    with variants.folder(folder, name, tried, found):
        return variants.train(name, tried, _reporting(trial, name, tried))


def _reporting(trial: "optuna.Trial", name: str, params: config.Params) -> Callable[[str], Sequence["L.Callback"]]:
    """The callbacks of each phase: they tell the study val after each epoch, and stop a trial that lags behind."""
    import lightning as L
    import optuna

    class Report(L.Callback):
        def __init__(self, before: int) -> None:
            self.before = before

        def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
            with warnings.catch_warnings(action="ignore"):  # an epoch that was reported before the process was killed
                trial.report(float(trainer.callback_metrics["val/accuracy"]), self.before + trainer.current_epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

    phases = models.network(name).phases
    epochs = [params.model(name).recipe(phase).epochs for phase in phases]
    before = {phase: sum(epochs[:at]) for at, phase in enumerate(phases)}
    return lambda phase: [Report(before[phase])]


def _space(name: str, params: config.Params, fixed: Sequence[str], vary: Sequence[str]) -> dict[str, Search]:
    known = search.space(params.model(name), name)
    unknown = [key for key in vary if key not in known]
    if unknown:
        raise FerError(f"--vary {unknown[0]}: this setting can't be searched. Choose from {', '.join(known)}.")
    chosen = {key: values for key, values in known.items() if key not in fixed and (not vary or key in vary)}
    if not chosen:
        raise FerError("There is nothing to search: every setting is fixed by -S.")
    return chosen


@commands.long_command("tune")
@click.argument("model", type=click.Choice(list(models.MODELS)), metavar="MODEL")
@click.option(
    "--trials",
    default=50,
    show_default=True,
    type=click.IntRange(1),
    metavar="N",
    help="Number of trials, those of earlier calls included.",
)
@click.option(
    "--study",
    "where",
    metavar="FILE|URL",
    help="Where the study is kept: a file, or the URL of a database.  [default: .cache/tune/MODEL.journal]",
)
@click.option(
    "--vary",
    multiple=True,
    metavar="KEY",
    help="Search only this setting. Repeatable.  [default: all settings that have a search range]",
)
@click.option(
    "-S", "settings", multiple=True, metavar="KEY=VALUE", help="Fix a setting, as in `dvc exp run -S`. Repeatable."
)
def main(model: str, trials: int, where: str | None, vary: Sequence[str], settings: Sequence[str]) -> None:
    """Search for settings that raise MODEL's accuracy on val.

    MODEL is a model of params.yaml, such as mlp. The first trial is params.yaml as it is. A trial that is worse after
    an epoch than the median of the others is stopped early. Several processes, or machines with the same code and data,
    can work on one study; the same command continues one that was stopped. At the end, the settings of the best trial
    are printed, and a figure is saved as plots/tune/MODEL.png.
    """
    found = check.params()
    params, fixed = variants.changed(model, settings, found)
    space = _space(model, params, list(fixed), vary)
    found_causes = variants.causes(model, params)
    found_causes.check(model, fixed)
    causes = found_causes.key(without=list(space))
    epochs = sum(params.model(model).recipe(phase).epochs for phase in models.network(model).phases)
    causes = hashing.sha256(f"{causes} {space}".encode())[:12]
    study = studies.begin(where or str(WORK / f"{model}.journal"), model, causes, epochs)
    now = config_file.flat(params)
    study.set_user_attr(studies.FIXED, search.as_options(fixed))
    study.enqueue_trial({key: search.encode(now[key]) for key in space}, skip_if_exists=True)
    work(study, space, model, params, found, trials, WORK / model / causes)
    conclude(study, space, model, fixed, found)


def work(
    study: "optuna.Study",
    space: Mapping[str, Search],
    name: str,
    params: config.Params,
    found: config.Params,
    trials: int,
    folder: Path,
) -> None:
    """Train trials until the study holds as many finished ones as asked for."""
    import optuna
    from optuna.trial import TrialState

    finished = (TrialState.COMPLETE, TrialState.PRUNED)
    while len(study.get_trials(deepcopy=False, states=finished)) < trials:
        studies.take_over(study)
        trial = study.ask(studies.distributions(space))
        try:
            accuracy = run(trial, space, name, params, found, folder)
        except (optuna.TrialPruned, DivergedError) as error:
            study.tell(trial, state=TrialState.PRUNED)
            outcome = "diverged" if isinstance(error, DivergedError) else str(error) or "stopped early"
        except FerError:  # of no other trial's making, so it must not begin again
            study.tell(trial, state=TrialState.FAIL)
            raise
        else:
            study.tell(trial, accuracy)
            outcome = f"val {100 * accuracy:.2f}"
        click.echo(f"trial {trial.number}: {outcome}")
        shutil.rmtree(folder / trial.user_attrs[studies.FOLDER], ignore_errors=True)


def conclude(
    study: "optuna.Study", space: Mapping[str, Search], name: str, fixed: Mapping[str, Any], found: config.Params
) -> None:
    """Say which settings are best, and draw the search."""
    from optuna.trial import TrialState

    complete = study.get_trials(states=(TrialState.COMPLETE,))
    if not complete:
        raise FerError("No trial was trained to the end, so there is no best one.")
    picture = PICTURES / f"{name}.png"
    tune_figure.write(picture, study, name)
    best, now = study.best_trial, config_file.flat(found)
    values = {**fixed, **search.decode(best.params, space)}
    changed = {key: value for key, value in values.items() if now[key] != value}
    count = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)))
    first, last = (f"{100 * float(trial.value or 0):.2f}" for trial in (complete[0], best))
    click.echo(f"{count} trials, {count - len(complete)} of them stopped early; best val {last}, first trial {first}.")
    click.echo(f"Figure of the search: {picture}")
    if best.number == complete[0].number or not changed:
        given = f" with {search.as_options(fixed)}" if fixed else ""
        click.echo(f"No trial was better than the first one: the settings in params.yaml{given}.")
        return
    options = search.as_options(changed)
    click.echo(f"The best of many is partly luck. Check it with other seeds: python -m fer.seeds {name} {options}")
    click.echo(f"To use these settings:\ndvc exp run {options}")


if __name__ == "__main__":
    main()
