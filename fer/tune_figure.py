"""The picture of a search: val of every trial, and val against each setting that was searched."""

from pathlib import Path
from typing import TYPE_CHECKING

from fer import artifacts

if TYPE_CHECKING:
    import optuna

COLUMNS = 3
_WHOLE, _STOPPED, _BEST = "#1f77b4", "#bbbbbb", "#d62728"


def write(path: Path, study: "optuna.Study", name: str) -> None:
    """Draw a study with at least one trial that was trained to its end.

    Args:
        path: of the PNG.
        study: the search.
        name: of the model.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from optuna.distributions import CategoricalDistribution
    from optuna.trial import TrialState

    trials = [trial for trial in study.trials if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    trials = [trial for trial in trials if trial.value is not None]  # one that diverged at once has none
    values = [100 * float(trial.value or 0) for trial in trials]
    colours = [_WHOLE if trial.state == TrialState.COMPLETE else _STOPPED for trial in trials]
    best = study.best_trial
    keys = list(best.params)
    rows = -(-(len(keys) + 1) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(4 * COLUMNS, 2.8 * rows), squeeze=False, layout="constrained")
    first, *others = axes.flat
    first.scatter([trial.number for trial in trials], values, c=colours, s=18)
    first.scatter([best.number], [100 * float(best.value or 0)], c=_BEST, s=40, label="best")
    first.scatter([], [], c=_WHOLE, s=18, label="trained to its end")
    first.scatter([], [], c=_STOPPED, s=18, label="stopped early")
    first.legend(fontsize=7, loc="lower right")
    first.set(xlabel="trial", title=f"{name}: {len(trials)} trials")
    for key, axis in zip(keys, others, strict=False):
        held = [trial.params[key] for trial in trials]
        drawn = trials[0].distributions[key]
        if isinstance(drawn, CategoricalDistribution):
            axis.set_xticks(range(len(drawn.choices)), list(map(str, drawn.choices)), fontsize=7)
            held = [drawn.choices.index(value) for value in held]
        elif getattr(drawn, "log", False):
            axis.set_xscale("log")
        axis.scatter(held, values, c=colours, s=18)
        axis.set(xlabel=key.partition(".")[2])
    for axis in others[len(keys) :]:
        axis.remove()
    for row in axes:
        row[0].set_ylabel("val (%)")
    artifacts.write_figure(path, figure)
