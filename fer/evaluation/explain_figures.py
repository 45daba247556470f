"""Pictures of what a model goes by: the mean map of each emotion, and single faces."""

from typing import TYPE_CHECKING

import numpy as np

from fer.emotions import COLORS, EMOTIONS
from fer.evaluation.explain import Example, Findings
from fer.explain import heat
from fer.landmarks import areas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIDE = 144  # pixels of a face


def mean_maps(findings: Findings) -> "Figure":
    """The mean map of each emotion over the mean of the faces that show it: a row for each way to explain the model.

    Every map is on a scale of its own.
    """
    from matplotlib.figure import Figure

    ways = list(findings.means)
    figure = Figure(figsize=(1.6 * len(EMOTIONS) + 0.6, 1.75 * len(ways) + 0.5), layout="constrained")
    grid = figure.subplots(len(ways), len(EMOTIONS), squeeze=False)
    for row, way in zip(grid, ways, strict=True):
        for axes, emotion, picture, values in zip(row, EMOTIONS, findings.picture, findings.means[way], strict=True):
            _show(axes, heated(picture, values, findings.points))
            axes.set_title(emotion, color=COLORS[emotion], fontsize=11)
        row[0].set_ylabel(": ".join(way))
    figure.suptitle(f"{findings.name}: where the evidence for an emotion lies (warm: for it, cold: against it)")
    return figure


def faces(findings: Findings) -> "Figure":
    """The most confident hit and miss of each emotion, each with the map of the model's answer."""
    from matplotlib.figure import Figure

    columns = 4  # a hit and its map, a miss and its map
    figure = Figure(figsize=(1.6 * columns + 0.6, 1.8 * len(EMOTIONS) + 0.5), layout="constrained")
    grid = figure.subplots(len(EMOTIONS), columns)
    for row, (emotion, examples) in zip(grid, findings.examples.items(), strict=True):
        row[0].set_ylabel(emotion, color=COLORS[emotion], fontsize=12)
        for axes in row:
            axes.set(xticks=[], yticks=[], frame_on=False)
        for example in examples:
            first = 0 if example.answer == emotion else 2
            _show(row[first], heated(example.crop, np.zeros((2, 2)), None))
            _show(row[first + 1], _heated_example(example))
            row[first + 1].set_title(f"{example.answer} {example.chance:.0%}", fontsize=10)
    figure.suptitle(f"{findings.name}: surest when right (left) and when wrong (right), and why")
    return figure


def _heated_example(example: Example) -> np.ndarray:
    return heated(example.crop, example.values, None if np.isnan(example.points).any() else example.points)


def heated(picture: np.ndarray, values: np.ndarray, points: np.ndarray | None) -> np.ndarray:
    """A grey face [S, S] under a map, uint8 [H, H, 3].

    Args:
        picture: grey levels 0 .. 255.
        values: over a picture, float [h, w], or of landmarks, float [478]; NaN where there are none.
        points: where the landmarks lie, float [478, 2] in sides; without them those have no place.
    """
    import cv2

    picture, values = np.nan_to_num(picture), np.nan_to_num(values)
    grey = cv2.resize(picture.astype(np.float32), (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    colour = np.clip(np.round(grey), 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    if values.ndim == 1:
        if points is None:
            return colour
        values = areas.painted(points, values, _SIDE)
    values = cv2.resize(values.astype(np.float32), (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    return heat.over(colour, heat.colours(values, float(np.abs(values).max())))


def _show(axes: "Axes", picture: np.ndarray) -> None:
    axes.imshow(picture)
    axes.set(xticks=[], yticks=[], frame_on=False)
