"""The pictures of the error analysis: calibration and confusions, and the faces of the most confident errors."""

from typing import TYPE_CHECKING

from fer.data import images
from fer.data.faces import Faces
from fer.emotions import COLORS
from fer.evaluation import error_analysis, metrics
from fer.evaluation.error_page import Answered
from fer.sizes import FACE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PAIRS, _COLUMNS, _ROWS = 10, 8, 4


def errors(val: Answered) -> "Figure":
    """How often answers are right at each confidence, by each way to get probabilities; and what is confused most."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color="#8A8A8A", linestyle=":", linewidth=1)
    for way, probabilities in error_analysis.calibrations(val.answers).items():
        found = metrics.calibration(probabilities, val.answers.labels)
        left.plot(found["confidence"], found["accuracy"], marker="o", markersize=4, label=way)
    left.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share that is right", title=f"{val.name} on val")
    pairs = error_analysis.confusions(val.table).head(_PAIRS)[::-1]
    right.barh(pairs["pair"], pairs["as_second"], color="#0072B2", label="the first taken for the second")
    right.barh(
        pairs["pair"],
        pairs["as_first"],
        left=pairs["as_second"],
        color="#E69F00",
        label="the second for the first",
    )
    right.set(xlabel="faces of val", title="confused most")
    for axes in (left, right):
        axes.legend(frameon=False, fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def confident(val: Answered, faces: Faces) -> "Figure":
    """The faces of the most confident errors: the label, the answer, and FER+'s plurality where it is known."""
    from matplotlib.figure import Figure

    shown = val.table[val.table["wrong"]].sort_values("confidence", ascending=False, kind="stable")
    shown = shown.head(_COLUMNS * _ROWS)
    figure = Figure(figsize=(1.45 * _COLUMNS, 2.1 * _ROWS))
    figure.suptitle(f"The {len(shown)} most confident errors of the {val.name} on val: label, answer", y=0.97)
    grid = figure.subplots(_ROWS, _COLUMNS, gridspec_kw={"hspace": 0.55, "wspace": 0.08}).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, row, face in zip(grid, shown.index.to_numpy(), shown.to_dict("records"), strict=False):
        axes.imshow(images.thumbnail(faces.images[row], FACE), cmap="gray", vmin=0, vmax=255)
        opinion = f"\nFER+: {face['plurality']}" if face["plurality"] else ""
        text = f"{face['label']}\n{face['answer']} {face['confidence']:.0%}{opinion}"
        axes.set_title(text, fontsize=9, color=COLORS[face["answer"]])
    return figure
