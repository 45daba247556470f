"""What is found in photos: faces with expressions, and photos with faces."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fer.emotions import EMOTIONS
from fer.inference.crop import Found

if TYPE_CHECKING:
    import pandas as pd

# What lowers the quality, and from where on.
SMALL = 36  # pixels of the box: below it, a face has less detail than the models have learned from
OBLIQUE = 0.5  # the nose beside the middle of the eyes, in distances of the eyes: about 35 degrees
TILTED = 45  # degrees
UNSURE = 0.5  # score of the detector
UNSEEN = 0.3  # what is left of the quality where a model on landmarks had none


@dataclass(frozen=True)
class Face:
    """A face with its expression.

    Attributes:
        box: left, top, width, height in pixels of the upright photo.
        score: of the detector, 0 .. 1; 1 for a picture that is said to be a face.
        probabilities: float32 [7], in the order of `fer.emotions.EMOTIONS`.
        quality: 0 .. 1: how much the face is like those that the models have learned from.
        reasons: why the quality is below 1.
    """

    box: tuple[float, float, float, float]
    score: float
    probabilities: np.ndarray
    quality: float = 1.0
    reasons: tuple[str, ...] = ()

    @property
    def expression(self) -> str:
        """The most probable emotion."""
        return self.ranked[0][0]

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """Emotions and their probabilities, the most probable first."""
        order = np.argsort(-self.probabilities, kind="stable")
        return [(EMOTIONS[index], float(self.probabilities[index])) for index in order]


@dataclass
class Photo:
    """A photo and its faces, the largest first.

    Attributes:
        name: of the file, or `image 0` and so on.
        width, height: in pixels, upright; 0 where it could not be read.
        faces: found in it.
        problem: why it could not be read, or why there is no face in it; empty otherwise.
        read: whether it could be read.
        overlooked: how many faces were passed over because they are too small.
    """

    name: str
    width: int = 0
    height: int = 0
    faces: list[Face] = field(default_factory=list)
    problem: str = ""
    read: bool = True
    overlooked: int = 0


class Photos(list[Photo]):
    """The answers to several photos, in their order."""

    def as_frame(self) -> "pd.DataFrame":
        """One row a face: `file`, `face`, box, `score`, `size`, `quality`, `reasons`, `expression`, probabilities."""
        import pandas as pd

        return pd.DataFrame(rows(self), columns=list(COLUMNS))


COLUMNS = (
    "file", "face", "left", "top", "width", "height", "score", "size", "quality", "reasons", "expression", *EMOTIONS,
)  # fmt: skip


def rows(photos: Iterable[Photo]) -> list[tuple[object, ...]]:
    """A tuple of the values of `COLUMNS` for each face."""
    return [row(photo, number, face) for photo in photos for number, face in enumerate(photo.faces)]


def row(photo: Photo, number: int, face: Face) -> tuple[object, ...]:
    """The values of `COLUMNS` for one face."""
    box = [round(value, 1) for value in face.box]
    values = [round(float(value), 4) for value in face.probabilities]
    size, reasons = round(min(face.box[2:])), "; ".join(face.reasons)
    return photo.name, number, *box, round(face.score, 3), size, face.quality, reasons, face.expression, *values


def quality(found: Found) -> tuple[float, tuple[str, ...]]:
    """How much a face is like those that the models have learned from, 0 .. 1, and what speaks against it."""
    reasons, value = [], 1.0
    if found.size < SMALL:
        reasons.append(f"small: {found.size:.0f} pixels")
        value *= max(0.2, found.size / SMALL)
    yaw = found.yaw
    if found.points is not None and (yaw is None or abs(yaw) > OBLIQUE):
        reasons.append("turned away")
        value *= 0.5
    if abs(found.roll) > TILTED:
        reasons.append(f"tilted by {abs(found.roll):.0f} degrees")
        value *= 0.8
    if found.score < UNSURE:
        reasons.append(f"the detector is unsure: {found.score:.2f}")
        value *= 0.7
    return round(value, 2), tuple(reasons)
