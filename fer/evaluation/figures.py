"""The one picture of the comparison: accuracy of the models, beside what others reached."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer import artifacts
from fer.evaluation.compare import Result
from fer.evaluation.original import DATASET, HUMAN, ORIGINAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OURS, _THEIRS, _SOFT = "#0072B2", "#D55E00", "#8A8A8A"


def accuracy_figure(results: Sequence[Result], dataset: str) -> "Figure":
    """Test accuracy of each model with its 95 % interval; on FER2013 beside the original work and people.

    Args:
        results: at least one model, best on top whatever the order given.
        dataset: `data.dataset`; other figures are shown for FER2013 alone.
    """
    # No pyplot: it would pick a window system and keep the figure alive.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 1.7 + 0.6 * len(results)), layout="constrained")
    axes = figure.add_subplot()
    ordered = sorted(results, key=lambda result: float(result.metrics["test"]["accuracy"]))
    known = dataset == DATASET
    if known:
        axes.axvspan(
            100 * (HUMAN.accuracy - HUMAN.spread), 100 * (HUMAN.accuracy + HUMAN.spread),
            color="#ECECEC", zorder=0, label="people (Goodfellow et al. 2013)",
        )  # fmt: skip
    frequent = 100 * float(ordered[0].test["actual"].value_counts(normalize=True).max())
    axes.axvline(frequent, color=_SOFT, linestyle=":", label="always the most frequent emotion")
    for height, result in enumerate(ordered):
        _model_row(axes, height, result, ORIGINAL.get(result.name) if known else None)
    axes.set(yticks=range(len(ordered)), yticklabels=[result.name for result in ordered])
    axes.set(ylim=(-0.5, len(ordered) - 0.4), xlabel="accuracy (percent)")
    axes.set_title(f"{_title(dataset)}: accuracy on {len(ordered[0].test):,} test faces", loc="left", fontsize=12)
    axes.grid(axis="x", color="#E4E4E4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=11)
    axes.spines[["top", "right", "left"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside lower left", ncols=2, frameon=False, fontsize=9)
    return figure


def write_accuracy(path: Path | str, results: Sequence[Result], dataset: str) -> None:
    """Write `accuracy_figure` as PNG."""
    artifacts.write_figure(path, accuracy_figure(results, dataset), dpi=130)


def _model_row(axes: "Axes", height: int, result: Result, original: float | None) -> None:
    test = result.metrics["test"]
    accuracy, low, high = (100 * float(test[key]) for key in ("accuracy", "accuracy_low", "accuracy_high"))
    if original is not None:
        style: dict[str, Any] = {"mfc": "white", "mec": _THEIRS, "mew": 1.6, "ms": 7, "linestyle": "none"}
        label = "original work, on PublicTest + PrivateTest, with leaks"
        axes.plot(100 * original, height, "D", label=label, zorder=2, **style)
    spread = [[accuracy - low], [high - accuracy]]
    label = "this project, test with 95 % interval"
    axes.errorbar(accuracy, height, xerr=spread, fmt="o", color=_OURS, capsize=4, ms=7, label=label, zorder=3)
    place: dict[str, Any] = {"xytext": (0, 8), "textcoords": "offset points", "ha": "center"}
    axes.annotate(f"{accuracy:.1f}", (accuracy, height), color=_OURS, fontweight="bold", **place)


def _title(dataset: str) -> str:
    return {DATASET: "FER2013", "drawn": "Drawn faces"}.get(dataset, Path(dataset).name)
