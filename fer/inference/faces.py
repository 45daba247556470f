"""What is found in photos: faces with expressions, and photos with faces."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

import numpy as np

from fer.emotions import EMOTIONS
from fer.errors import FerError, install
from fer.inference.crop import Box
from fer.inference.frame import Frame
from fer.inference.quality import HeadPose

if TYPE_CHECKING:
    import pandas as pd

    from fer.inference.explain import Explanation


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
        pose: how the head is held; None for face crops.
    """

    box: Box
    score: float
    probabilities: np.ndarray
    quality: float = 1.0
    reasons: tuple[str, ...] = ()
    explanations: tuple["Explanation", ...] = field(default=(), repr=False)
    pose: HeadPose | None = None

    def __eq__(self, other: object) -> bool:
        """Whether all attributes but the explanations are equal."""
        return isinstance(other, Face) and self._values() == other._values()

    def __hash__(self) -> int:
        """Equal faces have equal hashes."""
        return hash(self._values())

    def _values(self) -> tuple[object, ...]:
        return self.box, self.score, tuple(map(float, self.probabilities)), self.quality, self.reasons, self.pose

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
        """One row a face: `file`, `face`, box, score, size, pose, quality, reasons, expression, probabilities.

        Raises:
            FerError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise FerError(f"A table needs pandas, which is not installed: {install('evaluate')}.") from error
        return pd.DataFrame(rows(self), columns=list(COLUMNS))


COLUMNS = (
    "file", "face", "left", "top", "width", "height", "score", "size", *HeadPose._fields, "quality", "reasons",
    "expression", *EMOTIONS,
)  # fmt: skip


def rows(photos: Iterable[Photo]) -> list[tuple[object, ...]]:
    """A tuple of the values of `COLUMNS` for each face."""
    return [row(photo, number, face) for photo in photos for number, face in enumerate(photo.faces, 1)]


def row(photo: Photo, number: int, face: Face) -> tuple[object, ...]:
    """The values of `COLUMNS` for one face."""
    box = [round(value, 1) for value in face.box]
    values = [round(float(value), 4) for value in face.probabilities]
    size, reasons = round(min(face.box[2:])), "; ".join(face.reasons)
    about = (round(face.score, 3), size, *pose_values(face), face.quality, reasons)
    return photo.name, number, *box, *about, face.expression, *values


def pose_values(face: Face) -> list[float | None]:
    """Yaw and roll for a table: in whole degrees, None where they are not known."""
    return [None, None] if face.pose is None else [round(value) for value in face.pose]
