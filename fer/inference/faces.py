"""What is found in photos: faces with expressions, and photos with faces."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

import numpy as np

from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.inference.crop import Detection
from fer.inference.frame import Frame

if TYPE_CHECKING:
    import pandas as pd

    from fer.inference.explain import Explanation

# Limits beyond which a face's quality is lowered.
SMALL = 36  # pixels of the box: a smaller face has less detail than the training images
OBLIQUE = 0.5  # offset of the nose from the midpoint of the eyes, in distances between the eyes: about 35 degrees
TILTED = 45  # degrees
UNSURE = 0.5  # score of the detector
WITHOUT_LANDMARKS = 0.3  # the quality is multiplied by this if no model had the landmarks that it needs


@dataclass(frozen=True, eq=False)
class Face:
    """A face with its expression.

    Attributes:
        box: left, top, width, height in pixels of the upright photo.
        score: of the detector, 0 .. 1; 1 with `detect=False`, where every picture is a face.
        probabilities: float32 [7], in the order of `fer.emotions.EMOTIONS`.
        quality: 0 .. 1: how similar the face is to the training images.
        reasons: why the quality is below 1.
        explanations: where in the face the model has seen its expression, one for each of its inputs; empty unless
            `explain` asks for them.
    """

    box: tuple[float, float, float, float]
    score: float
    probabilities: np.ndarray
    quality: float = 1.0
    reasons: tuple[str, ...] = ()
    explanations: tuple["Explanation", ...] = field(default=(), repr=False)

    def __eq__(self, other: object) -> bool:
        """Whether all attributes but the explanations are equal."""
        return isinstance(other, Face) and self._values() == other._values()

    def __hash__(self) -> int:
        """Equal faces have equal hashes."""
        return hash(self._values())

    def _values(self) -> tuple[object, ...]:
        return self.box, self.score, tuple(map(float, self.probabilities)), self.quality, self.reasons

    @property
    def expression(self) -> str:
        """The most probable emotion."""
        return self.ranked[0][0]

    @property
    def runner_up(self) -> str:
        """The second most probable emotion."""
        return self.ranked[1][0]

    @property
    def scores(self) -> dict[str, float]:
        """The probability of each emotion by its name, in the order of `fer.emotions.EMOTIONS`."""
        return dict(zip(EMOTIONS, map(float, self.probabilities), strict=True))

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
        too_small: how many faces were passed over because they are smaller than `min_size`.
        smallest: the size of the smallest of these in pixels, the shorter side of its box; 0 if there are none.
        min_size: below which faces were passed over, in pixels.
        time: in seconds since the start of a video; None for a photo.
        number: of the frame in a video, from 0; None for a photo.
        frame: the picture itself, where `keep_frames` asks for it.
    """

    name: str
    width: int = 0
    height: int = 0
    faces: list[Face] = field(default_factory=list)
    problem: str = ""
    read: bool = True
    too_small: int = 0
    smallest: float = 0.0
    min_size: float = 0.0
    time: float | None = None
    number: int | None = None
    frame: Frame | None = field(default=None, repr=False, compare=False)


class Photos(list[Photo]):
    """The answers to several photos, in their order. A slice is `Photos`, too."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> Photo: ...

    @overload
    def __getitem__(self, index: slice) -> "Photos": ...

    def __getitem__(self, index: Any) -> Any:
        """A photo, or the photos of a slice."""
        found = super().__getitem__(index)
        return Photos(found) if isinstance(index, slice) else found

    def as_frame(self) -> "pd.DataFrame":
        """One row a face: `file`, `face`, box, `score`, `size`, `quality`, `reasons`, `expression`, probabilities.

        Raises:
            FerError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise FerError("A table needs pandas, which is not installed: pip install 'fer[evaluate]'") from error
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


def quality(found: Detection) -> tuple[float, tuple[str, ...]]:
    """How similar a face is to the training images, 0 .. 1, and why it is below 1."""
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
