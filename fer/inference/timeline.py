"""Draws the expressions of each identity of a video over time, from the rows of `fer video`."""

import csv
import math
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fer import writing
from fer.emotions import COLORS, EMOTIONS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 30  # identities that are drawn: those that were seen longest
LEAST_ROWS = 5  # an identity that was seen in fewer frames has no timeline
_POINTS = 1000  # of a timeline, about: the rows of a long video are averaged, so that memory is bounded
_GAP = 1.0  # seconds without a face that leave a gap, or four times the usual distance of two points


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def draw_all(rows: Path, folder: Path) -> int:
    """Draw a timeline of each identity that was seen long enough, as `identity-1.png` and so on.

    Args:
        rows: `faces.csv` of a video.
        folder: for the pictures.

    Returns:
        How many were drawn; none if matplotlib is not installed.

    Raises:
        FerError: a picture can't be written.
    """
    if not can_draw():
        return 0
    seen = Counter(int(row["identity"]) for row in _read(rows))
    chosen = {identity: count for identity, count in seen.most_common(MOST) if count >= LEAST_ROWS}
    for identity, points in _averaged(rows, chosen).items():
        picture = figure(identity, points)
        with writing.atomic(folder / f"identity-{identity}.png") as temporary:
            picture.savefig(temporary, format="png", dpi=120)
    return len(chosen)


def _read(rows: Path) -> Iterator[dict[str, str]]:
    with rows.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _averaged(rows: Path, counts: dict[int, int]) -> dict[int, np.ndarray]:
    """For each identity its time and seven smoothed probabilities, float [n, 8], averaged to at most 1,000 points."""
    together = {identity: math.ceil(count / _POINTS) for identity, count in counts.items()}
    sums = {identity: np.zeros((math.ceil(counts[identity] / together[identity]), 8)) for identity in counts}
    done: Counter[int] = Counter()
    for row in _read(rows):
        identity = int(row["identity"])
        if identity in sums:
            values = [float(row["time"]), *(float(row[f"smoothed_{emotion}"]) for emotion in EMOTIONS)]
            sums[identity][done[identity] // together[identity]] += values
            done[identity] += 1
    for identity, total in sums.items():
        sizes = np.full(len(total), together[identity])
        sizes[-1] -= sizes.sum() - counts[identity]
        total /= sizes[:, None]
    return sums


def figure(identity: int, points: np.ndarray) -> "Figure":
    """A timeline: seven bands, one above the other, whose heights are the probabilities.

    Args:
        identity: for the title.
        points: time in seconds and seven probabilities, float [n, 8], in the order of time.
    """
    from matplotlib.figure import Figure

    steps = np.diff(points[:, 0])
    gaps = np.flatnonzero(steps > max(_GAP, 4 * float(np.median(steps)) if len(steps) else 0)) + 1
    points = np.insert(points, gaps, np.nan, axis=0)
    picture = Figure(figsize=(10, 3.4), layout="constrained")
    axes = picture.add_subplot()
    axes.stackplot(points[:, 0], points[:, 1:].T, labels=EMOTIONS, colors=[COLORS[name] for name in EMOTIONS], lw=0)
    first, last = np.nanmin(points[:, 0]), np.nanmax(points[:, 0])
    axes.set(xlim=(first, max(last, first + 0.1)), ylim=(0, 1), xlabel="seconds", ylabel="probability")
    axes.set_title(f"Face {identity}: expression over time", loc="left", fontsize=11)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return picture
