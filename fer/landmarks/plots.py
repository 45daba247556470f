"""Pictures of landmarks: sheets of found and missed faces, the graph on the mean face."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fer import sizes
from fer.data.faces import Faces
from fer.data.images import thumbnail
from fer.emotions import COLORS, EMOTIONS
from fer.landmarks import topology
from fer.landmarks.extract import FaceLandmarks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = sizes.FACE  # pixels of a face on a sheet: larger ones are reduced
GAP = 3  # pixels of a face between two faces of a sheet
REGION_COLORS = {
    "lips": "#D55E00",
    "left_eye": "#0072B2",
    "right_eye": "#0072B2",
    "left_eyebrow": "#009E73",
    "right_eyebrow": "#009E73",
    "left_iris": "#CC79A7",
    "right_iris": "#CC79A7",
    "nose": "#E69F00",
    "oval": "#4D4D4D",
    "other": "#9FB4C7",
}
ISOLATED_COLOR = "#D9DEE4"


def found_sheet(
    faces: Faces, landmarks: FaceLandmarks, locate: Callable[[np.ndarray], np.ndarray], columns: int = 10, seed: int = 0
) -> "Figure":
    """Faces with their landmarks: a row for each emotion, faces drawn at random.

    Args:
        faces: N faces.
        landmarks: their landmarks, in the same order.
        locate: where the landmarks lie in some faces: uint8 [n, S, S] -> float [n, 478, 3] in sides of the image.
        columns: faces a row.
        seed: chooses the faces.
    """
    generator = np.random.default_rng(seed)
    emotion = faces.table["emotion"].to_numpy(str)
    rows = [np.flatnonzero(landmarks.detected & (emotion == name)) for name in EMOTIONS]
    chosen = [np.sort(generator.permutation(row)[:columns]) for row in rows]
    figure, axes = _sheet(faces.images, chosen, columns)
    axes.set_autoscale_on(False)
    _label_rows(axes)
    _draw_landmarks(axes, locate(faces.images[np.concatenate(chosen)]), chosen)
    total = int(landmarks.detected.sum())
    axes.set_title(f"Landmarks found in {total:,} of {len(faces):,} faces", fontsize=13, pad=10)
    return figure


def missed_sheet(faces: Faces, landmarks: FaceLandmarks, columns: int = 14, limit: int = 98, seed: int = 0) -> "Figure":
    """Faces without landmarks, framed in the colour of their emotion; at most `limit`, drawn at random."""
    generator = np.random.default_rng(seed)
    missed = np.flatnonzero(~landmarks.detected)
    shown = generator.permutation(missed)[:limit]
    emotion = faces.table["emotion"].to_numpy(str)
    shown = shown[np.argsort([EMOTIONS.index(name) for name in emotion[shown]], kind="stable")]
    chosen = [shown[start : start + columns] for start in range(0, len(shown), columns)] or [shown]
    figure, axes = _sheet(faces.images, chosen, columns)
    for row, indices in enumerate(chosen):
        for column, index in enumerate(indices):
            _frame(axes, row, column, emotion[index])
    title = f"No landmarks found in {len(missed):,} of {len(faces):,} faces"
    if not len(missed):
        title = f"Landmarks were found in all {len(faces):,} faces"
    if len(missed) > limit:
        title += f"; {limit} of them"
    axes.set_title(title, fontsize=13, pad=10)
    if len(missed):
        _legend(axes, {name: COLORS[name] for name in EMOTIONS if name in set(emotion[shown])})
    return figure


def graph(mean_face: np.ndarray, edge_index: np.ndarray, region: np.ndarray, name: str) -> "Figure":
    """The graph on the mean face, edges coloured by region, isolated nodes pale.

    Args:
        mean_face: float32 [478, 3], normalised.
        edge_index: int64 [2, E], both directions.
        region: int64 [478].
        name: the edge set, for the title.
    """
    import matplotlib.pyplot as plt
    from matplotlib.collections import LineCollection

    figure, axes = plt.subplots(figsize=(7, 8))
    once = edge_index[:, edge_index[0] < edge_index[1]]
    owner = topology.edge_regions(once, region)
    points = mean_face[:, :2]
    degree = np.bincount(edge_index[0], minlength=len(points))
    for index, label in sorted(enumerate(topology.REGIONS), key=lambda item: item[1] != "other"):
        width = 0.5 if label == "other" else 1.8
        lines = points[once[:, owner == index].T]
        axes.add_collection(LineCollection(lines, colors=REGION_COLORS[label], linewidths=width))
        nodes = points[(region == index) & (degree > 0)]
        axes.scatter(nodes[:, 0], nodes[:, 1], s=4 if label == "other" else 13, color=REGION_COLORS[label], zorder=3)
    isolated = points[degree == 0]
    axes.scatter(isolated[:, 0], isolated[:, 1], s=9, color=ISOLATED_COLOR, zorder=1)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.axis("off")
    connected = int((degree > 0).sum())
    axes.set_title(f"{name}: {once.shape[1]} edges join {connected} of {len(points)} landmarks", fontsize=13)
    colors: dict[str, str] = {}
    for index, label in enumerate(topology.REGIONS):
        if (owner == index).any():
            plural = label.split("_")[-1] + ("es" if label.endswith("iris") else "s") if "_" in label else label
            colors[plural] = REGION_COLORS[label]
    if (degree == 0).any():
        colors["no edges"] = ISOLATED_COLOR
    _legend(axes, colors, columns=4)
    return figure


def _sheet(images: np.ndarray, chosen: list[np.ndarray], columns: int) -> "tuple[Figure, Axes]":
    """Tile faces into one picture; `chosen` holds the indices of each row."""
    import matplotlib.pyplot as plt

    step = SIZE + GAP
    canvas = np.full((len(chosen) * step - GAP, columns * step - GAP), 255, np.uint8)
    for row, indices in enumerate(chosen):
        for column, index in enumerate(indices):
            canvas[row * step : row * step + SIZE, column * step : column * step + SIZE] = thumbnail(
                images[index], SIZE
            )
    figure, axes = plt.subplots(figsize=(columns * 1.05 + 0.8, len(chosen) * 1.05 + 0.6))
    height, width = canvas.shape
    # Pixel edges, not centres, at whole numbers: a landmark at (0, 0) is the corner of its face.
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0), interpolation="bicubic")
    axes.axis("off")
    return figure, axes


def _label_rows(axes: "Axes") -> None:
    for row, name in enumerate(EMOTIONS):
        middle = row * (SIZE + GAP) + SIZE / 2
        axes.text(-4, middle, name, ha="right", va="center", fontsize=11, color=COLORS[name], weight="bold")


def _draw_landmarks(axes: "Axes", xyz: np.ndarray, chosen: list[np.ndarray]) -> None:
    """Draw landmarks [n, 478, 3], in the order of the chosen faces."""
    from matplotlib.collections import LineCollection

    # A face that goes on beyond its image must not be drawn over its neighbours.
    inside = np.where((xyz[..., :2] >= 0) & (xyz[..., :2] <= 1), xyz[..., :2], np.nan) * SIZE
    step = SIZE + GAP
    corners = [(column * step, row * step) for row, indices in enumerate(chosen) for column in range(len(indices))]
    if not corners:
        return
    points = inside + np.array(corners)[:, None]
    axes.scatter(points[..., 0], points[..., 1], s=0.35, color="#BFE3FF", alpha=0.7, linewidths=0)
    for label, edges in topology.region_edges().items():
        segments = points[:, sorted(edges)].reshape(-1, 2, 2)
        axes.add_collection(LineCollection(segments, colors=REGION_COLORS[label], linewidths=0.75))


def _frame(axes: "Axes", row: int, column: int, emotion: str) -> None:
    from matplotlib.patches import Rectangle

    step = SIZE + GAP
    corner = (column * step - 0.5, row * step - 0.5)
    axes.add_patch(
        Rectangle(corner, SIZE + 1, SIZE + 1, fill=False, edgecolor=COLORS[emotion], linewidth=2, clip_on=False)
    )


def _legend(axes: "Axes", colors: dict[str, str], columns: int = 7) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=color, linewidth=4, label=name) for name, color in colors.items()]
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.01),
        ncols=columns,
        frameon=False,
        fontsize=10,
    )
