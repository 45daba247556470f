"""What `fer video` says: a row for each face of each frame, and a line for each identity."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fer.emotions import EMOTIONS
from fer.inference import report
from fer.inference.faces import Photo, pose_values
from fer.inference.quality import HeadPose
from fer.inference.track import Followed

COLUMNS = (
    "frame", "time", "identity", "left", "top", "width", "height", "score", "size", *HeadPose._fields, "quality",
    "reasons", "expression", *EMOTIONS, *(f"smoothed_{emotion}" for emotion in EMOTIONS),
)  # fmt: skip


def csv_lines(photo: Photo, faces: Sequence[Followed]) -> str:
    """The CSV lines of a frame's faces, with the columns `COLUMNS`. The expression is that of the smoothed values."""
    return "".join(report.csv_line(_row(photo, followed)) for followed in faces)


def _row(photo: Photo, followed: Followed) -> list[object]:
    face = followed.face
    box = [round(value, 1) for value in face.box]
    raw, smoothed = ([round(float(value), 4) for value in values] for values in (face.probabilities, followed.smoothed))
    about = [round(face.score, 3), round(min(face.box[2:])), *pose_values(face), face.quality, "; ".join(face.reasons)]
    return [photo.number, _seconds(photo), followed.identity, *box, *about, followed.shown.expression, *raw, *smoothed]


def json_line(photo: Photo, faces: Sequence[Followed]) -> str:
    """A frame as a line of a JSON lines file."""
    content = [
        {
            "identity": followed.identity,
            **report.face_as_dict(followed.face),
            "expression": followed.shown.expression,
            "smoothed": {emotion: round(value, 4) for emotion, value in followed.shown.scores.items()},
        }
        for followed in faces
    ]
    return json.dumps({"frame": photo.number, "time": _seconds(photo), "faces": content}) + "\n"


def _seconds(photo: Photo) -> float:
    return round(photo.time or 0.0, 3)


@dataclass
class _Seen:
    first: float
    last: float
    faces: int
    total: np.ndarray


class Summary:
    """A line for each identity, as soon as it is no longer looked for: memory does not grow with time.

    Attributes:
        faces: seen so far, over all frames.
    """

    def __init__(self) -> None:
        self.faces = 0
        self._seen: dict[int, _Seen] = {}

    def add(self, photo: Photo, faces: Sequence[Followed]) -> None:
        """Take in the faces of a frame."""
        now = photo.time or 0.0
        for followed in faces:
            seen = self._seen.setdefault(followed.identity, _Seen(now, now, 0, np.zeros(len(EMOTIONS))))
            seen.last, seen.faces = now, seen.faces + 1
            seen.total += followed.face.probabilities
        self.faces += len(faces)

    def finished(self, known: set[int]) -> Iterator[str]:
        """The lines of all identities but those that are still known; they are forgotten."""
        for identity in [identity for identity in self._seen if identity not in known]:
            seen = self._seen.pop(identity)
            mean = seen.total / seen.faces
            best = [f"{EMOTIONS[index]} {mean[index]:.0%}" for index in np.argsort(-mean, kind="stable")[:3]]
            span = f"{clock(seen.first)} to {clock(seen.last)}"
            yield f"face {identity:<4} {span:<20} {seen.faces:>6,} frames   {', '.join(best)}\n"


def clock(seconds: float) -> str:
    """A time as minutes and seconds: 1:04.2."""
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"
