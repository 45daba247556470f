"""Pictures of the audit: samples, class distribution, leaks and conflicting labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fer import artifacts
from fer.data import duplicates, images, splits
from fer.data.faces import Faces
from fer.emotions import COLORS, EMOTIONS, SPLITS
from fer.sizes import FACE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLES = 12
SHEET_COLUMNS = 4
SHEET_ROWS = 6

# A sheet's entry: rows of faces, and the caption of each.
Entry = list[tuple[int, str]]


def draw_audit(faces: Faces, table: pd.DataFrame, folder: Path | str) -> None:
    """Write samples.png, distribution.png, classes.csv, leaks.png and conflicts.png into `folder`.

    Args:
        faces: all faces.
        table: their rows of `data/splits.csv`.
        folder: shared with the sheets of the landmarks.
    """
    folder = Path(folder)
    classes = class_table(faces, table)
    artifacts.write_table(folder / "classes.csv", classes)
    artifacts.write_figure(folder / "samples.png", samples(faces, table))
    artifacts.write_figure(folder / "distribution.png", distribution(classes))
    leaks = leak_entries(faces, table)
    artifacts.write_figure(
        folder / "leaks.png", _sheet(faces, leaks, "Training faces with a copy in the test set", "leaks")
    )
    entries = conflict_entries(faces, table)
    artifacts.write_figure(
        folder / "conflicts.png", _sheet(faces, entries, "Identical images, different labels", "label conflicts")
    )


def class_table(faces: Faces, table: pd.DataFrame) -> pd.DataFrame:
    """One row a split and emotion: split, emotion, faces, share (of the split)."""
    rows = []
    for split in SPLITS:
        labels = faces.labels[table["split"].to_numpy(str) == split]
        counts = np.bincount(labels, minlength=len(EMOTIONS))
        rows += [
            (split, emotion, int(count), round(float(count / max(1, len(labels))), 4))
            for emotion, count in zip(EMOTIONS, counts, strict=True)
        ]
    return pd.DataFrame(rows, columns=["split", "emotion", "faces", "share"])


def samples(faces: Faces, table: pd.DataFrame) -> "Figure":
    """A row of training faces for each emotion, spread evenly over the set."""
    from matplotlib.figure import Figure

    pad = 2
    step = FACE + pad
    canvas = np.full((len(EMOTIONS) * step - pad, SAMPLES * step - pad), 255, np.uint8)
    train = table["split"].to_numpy(str) == "train"
    for index in range(len(EMOTIONS)):
        rows = np.flatnonzero(train & (faces.labels == index))
        chosen = rows[np.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).astype(int)]
        for column, row in enumerate(chosen):
            top, left = index * step, column * step
            canvas[top : top + FACE, left : left + FACE] = images.thumbnail(faces.images[row], FACE)
    figure = Figure(figsize=(10, 10 * len(EMOTIONS) / SAMPLES))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([i * step + FACE / 2 for i in range(len(EMOTIONS))], list(EMOTIONS), fontsize=12)
    axes.tick_params(length=0, pad=8)
    for tick, emotion in zip(axes.get_yticklabels(), EMOTIONS, strict=True):
        tick.set_color(COLORS[emotion])
        tick.set_fontweight("bold")
    return figure


def distribution(classes: pd.DataFrame) -> "Figure":
    """One panel a split: how many faces of each emotion, and their share."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.4), layout="constrained")
    panels = figure.subplots(1, len(SPLITS), sharey=True)
    for axes, split in zip(panels, SPLITS, strict=True):
        part = classes[classes["split"] == split]
        bars = axes.barh(part["emotion"], part["faces"], color=[COLORS[name] for name in part["emotion"]])
        labels = [f"{count:,} ({share:.0%})" for count, share in zip(part["faces"], part["share"], strict=True)]
        axes.bar_label(bars, labels, padding=4, fontsize=9)
        axes.set_title(f"{split}: {part['faces'].sum():,} faces", loc="left", fontsize=11)
        axes.set_xlim(0, 1.35 * part["faces"].max())
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        axes.set_xticks([])
        axes.tick_params(length=0)
    panels[0].invert_yaxis()
    return figure


def leak_entries(faces: Faces, table: pd.DataFrame) -> list[Entry]:
    """Pairs of a training face (also one dropped as a leak) and its copy in test, the least alike first."""
    trained = table["split"].eq("train") | table["reason"].eq("leak")
    return _paired(faces, table, trained.to_numpy(), table["split"].eq("test").to_numpy(), ("train", "test"))


def _paired(
    faces: Faces, table: pd.DataFrame, left: np.ndarray, right: np.ndarray, captions: tuple[str, str]
) -> list[Entry]:
    """The first face of `left` and the first of `right` of each group that reaches into both."""
    groups = table["duplicate_group"].to_numpy(np.int64)
    names = faces.table["emotion"].to_numpy(str)
    ones, others = (np.flatnonzero(part & (groups >= 0)) for part in (left, right))
    _, *firsts = np.intersect1d(groups[ones], groups[others], return_indices=True)
    pairs = []
    for one, other in zip(ones[firsts[0]].tolist(), others[firsts[1]].tolist(), strict=True):
        alike = float(np.corrcoef(faces.images[one].ravel(), faces.images[other].ravel())[0, 1])
        # Equal images correlate to 1 but for a last digit that depends on the processor; the order must not.
        pairs.append((round(alike, 6), one, other))
    return [
        [(one, f"{captions[0]}: {names[one]}"), (other, f"{captions[1]}: {names[other]}")]
        for _, one, other in sorted(pairs)
    ]


def conflict_entries(faces: Faces, table: pd.DataFrame) -> list[Entry]:
    """Pairs of images that are equal to the pixel and bear different labels, in the order of their rows."""
    groups = table["duplicate_group"].to_numpy(np.int64)
    names = faces.table["emotion"].to_numpy(str)
    entries: dict[bytes, Entry] = {}
    for row in np.flatnonzero(splits.conflicts(groups, faces.labels)):
        entry = entries.setdefault(duplicates.digest(faces.images[row]), [])
        if names[row] not in [caption for _, caption in entry]:
            entry.append((int(row), names[row]))
    return [entry[:2] for entry in entries.values() if len(entry) > 1]


def _sheet(faces: Faces, entries: Sequence[Entry], title: str, nothing: str) -> "Figure":
    """A grid of pairs side by side, spread evenly over the entries; or a line that there are none."""
    from matplotlib.figure import Figure

    if not entries:
        figure = Figure(figsize=(6, 1))
        figure.text(0.5, 0.5, f"No {nothing} found.", ha="center", va="center", fontsize=13, color="#555555")
        return figure
    count = min(len(entries), SHEET_COLUMNS * SHEET_ROWS)
    shown = [entries[i] for i in np.linspace(0, len(entries) - 1, count).astype(int)]
    wide, high, caption_room = 2 * FACE + 12, FACE + 16, 10
    canvas = np.full((-(-count // SHEET_COLUMNS) * high, SHEET_COLUMNS * wide), 255, np.uint8)
    figure = Figure(figsize=(11, 11 * canvas.shape[0] / canvas.shape[1]))
    axes = figure.add_axes((0, 0, 1, 1))
    for place, entry in enumerate(shown):
        top, left = place // SHEET_COLUMNS * high + caption_room, place % SHEET_COLUMNS * wide
        for row, caption in entry:
            canvas[top : top + FACE, left : left + FACE] = images.thumbnail(faces.images[row], FACE)
            axes.text(
                left + FACE / 2, top - 2, caption, ha="center", va="baseline",
                fontsize=9, fontweight="bold", color=COLORS[caption.split()[-1]],
            )  # fmt: skip
            left += FACE + 2
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(f"{title}: {count} of {len(entries):,}", loc="left", fontsize=13, pad=10)
    return figure
