"""The figure of the comparison: accuracy of the models on val and test, beside what others reached."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer import artifacts
from fer.evaluation.compare import MeasuredModel, ranking
from fer.evaluation.markdown import title
from fer.evaluation.original import DATASET, HUMAN, ORIGINAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OURS, _THEIRS, _SOFT = "#0072B2", "#D55E00", "#8A8A8A"


def accuracy_figure(measured: Sequence[MeasuredModel], dataset: str) -> "Figure":
    """Accuracy of each model on val and test, the latter with its 95 % interval.

    On FER2013 the accuracies of the original work and of people are shown too.

    Args:
        measured: at least one model. The best on val is on top, whatever the order given.
        dataset: `data.dataset`; what others reached is shown for FER2013 alone.
    """
    # No pyplot: it would pick a window system and keep the figure alive.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 1.7 + 0.6 * len(measured)), layout="constrained")
    axes = figure.add_subplot()
    ordered = ranking(measured)[::-1]  # from the bottom up
    is_fer2013 = dataset == DATASET
    if is_fer2013:
        axes.axvspan(
            100 * (HUMAN.accuracy - HUMAN.spread), 100 * (HUMAN.accuracy + HUMAN.spread),
            color="#ECECEC", zorder=0, label="people (Goodfellow et al. 2013)",
        )  # fmt: skip
    frequent = 100 * float(ordered[0].answers["actual"].value_counts(normalize=True).max())
    axes.axvline(frequent, color=_SOFT, linestyle=":", label="always the most frequent emotion")
    for height, model in enumerate(ordered):
        _model_row(axes, height, model, ORIGINAL.get(model.name) if is_fer2013 else None)
    axes.set(yticks=range(len(ordered)), yticklabels=[model.name for model in ordered])
    axes.set(ylim=(-0.5, len(ordered) - 0.4), xlabel="accuracy (percent)")
    faces = f"val and on {len(ordered[0].answers):,} test faces"
    axes.set_title(f"{title(dataset)}: accuracy on {faces}", loc="left", fontsize=12)
    axes.grid(axis="x", color="#E4E4E4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=11)
    axes.spines[["top", "right", "left"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside lower left", ncols=2, frameon=False, fontsize=9)
    return figure


def write_accuracy(path: Path | str, measured: Sequence[MeasuredModel], dataset: str) -> None:
    """Write `accuracy_figure` as PNG."""
    artifacts.write_figure(path, accuracy_figure(measured, dataset), dpi=130)


def _model_row(axes: "Axes", height: int, model: MeasuredModel, original: float | None) -> None:
    test = model.metrics["test"]
    accuracy, low, high = (100 * float(test[key]) for key in ("accuracy", "accuracy_low", "accuracy_high"))
    if original is not None:
        style: dict[str, Any] = {"mfc": "white", "mec": _THEIRS, "mew": 1.6, "ms": 7, "linestyle": "none"}
        label = "original work, on PublicTest + PrivateTest, with leaks"
        axes.plot(100 * original, height, "D", label=label, zorder=2, **style)
    # At 0 % a rounding error can put the interval's lower end just above the accuracy, which Matplotlib refuses.
    spread = [[max(0.0, accuracy - low)], [max(0.0, high - accuracy)]]
    label = "this project, test with 95 % interval"
    axes.errorbar(accuracy, height, xerr=spread, fmt="o", color=_OURS, capsize=4, ms=7, label=label, zorder=3)
    val = 100 * float(model.metrics["val"]["accuracy"])
    axes.plot(val, height, "|", color=_SOFT, ms=13, mew=2, label="this project, val", zorder=2)
    above: dict[str, Any] = {"xytext": (0, 8), "textcoords": "offset points", "ha": "center"}
    axes.annotate(f"{accuracy:.1f}", (accuracy, height), color=_OURS, fontweight="bold", **above)
