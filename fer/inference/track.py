"""Identities of faces from frame to frame, and probabilities smoothed over time.

Faces are associated as in ByteTrack (Zhang et al. 2022): a Kalman filter predicts where each known face is, faces of
which the detector is sure are matched first, then the others, and a lost face is searched for during a short time. The
library `trackers` does the same, but brings a second OpenCV, SciPy, matplotlib and 25 packages more. Pairs are matched
one after the other, the best overlap first: on simulated faces that cross, an optimal assignment mixed up as many.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fer.inference.crop import Box, Detection
from fer.inference.faces import Face, Photo

SURE = 0.5  # score of the detector from which a face is matched first
PATIENCE = 1.5  # seconds for which a lost face is looked for
LEAST_OVERLAP = 0.1  # of two enlarged boxes, their intersection over their union
_ENLARGED = 2.2  # faces are small and quick: boxes are compared at this size (Yang et al. 2023, buffered IoU)
_MEASURED = 0.05  # standard deviation of a box's place, relative to its size
_ACCELERATION = 2.0  # how much a face's speed changes, in its sizes a second, within a second


class _Track:
    """A face that is followed: the centre and the size of its box, and how fast they change.

    Each of the four has a Kalman filter of its own, with the place and the speed as its state.
    """

    def __init__(self, identity: int, box: np.ndarray, time: float) -> None:
        self.identity, self.seen, self._time = identity, time, time
        self._state = np.stack([box, np.zeros(4)])  # [2, 4]
        size = self._size
        self._covariance = np.diag([(_MEASURED * size) ** 2, (_ACCELERATION * size) ** 2])  # the same for all four

    @property
    def _size(self) -> float:
        return float(max(1.0, self._state[0, 2:].mean()))

    def predict(self, time: float) -> np.ndarray:
        """Move on to a time; return the box as centre, width and height, float [4]."""
        step, self._time = time - self._time, time
        if step > 0:
            move = np.array([[1.0, step], [0.0, 1.0]])
            noise = np.array([[step**3 / 3, step**2 / 2], [step**2 / 2, step]]) * (_ACCELERATION * self._size) ** 2
            if self.seen < time - step:  # a lost face keeps its size
                self._state[1, 2:] = 0
            self._state = move @ self._state
            self._covariance = move @ self._covariance @ move.T + noise
        return self._state[0]

    def correct(self, box: np.ndarray, time: float) -> None:
        """Take in where the face was found."""
        gain = self._covariance[:, 0] / (self._covariance[0, 0] + (_MEASURED * self._size) ** 2)
        self._state = self._state + np.outer(gain, box - self._state[0])
        self._covariance = self._covariance - np.outer(gain, self._covariance[0])
        self.seen = time


class Tracker:
    """Gives each face the number of the person it belongs to, from 1. Its memory does not grow with time.

    Args:
        patience: seconds for which a lost face is looked for.

    Attributes:
        identities: how many there were.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._tracks: list[_Track] = []
        self.identities = 0

    @property
    def known(self) -> set[int]:
        """The identities that are still followed or looked for."""
        return {track.identity for track in self._tracks}

    def update(self, faces: Sequence[Face] | Sequence[Detection], time: float) -> list[int]:
        """The identity of each face of the next frame.

        Args:
            faces: of the frame, with box and score.
            time: of the frame, in seconds.
        """
        self._tracks = [track for track in self._tracks if time - track.seen <= self._patience]
        boxes = np.array([_centred(face.box) for face in faces]).reshape(-1, 4)
        places = np.array([track.predict(time) for track in self._tracks]).reshape(-1, 4)
        overlaps = _overlaps(places, boxes)
        sure = np.array([face.score >= SURE for face in faces], bool)
        owners: dict[int, _Track] = {}
        for group in (sure, ~sure):
            allowed = overlaps * group
            while allowed.size and allowed.max() >= LEAST_OVERLAP:
                row, column = np.unravel_index(allowed.argmax(), allowed.shape)
                owners[int(column)] = self._tracks[row]
                overlaps[row] = allowed[row] = allowed[:, column] = 0
        for number, box in enumerate(boxes):
            if number in owners:
                owners[number].correct(box, time)
            else:
                self.identities += 1
                owners[number] = _Track(self.identities, box, time)
                self._tracks.append(owners[number])
        return [owners[number].identity for number in range(len(faces))]


def _centred(box: Box) -> tuple[float, float, float, float]:
    left, top, width, height = box
    return left + width / 2, top + height / 2, width, height


def _overlaps(places: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes float [n, 4] and [m, 4], enlarged: float [n, m]."""
    first, second = places[:, None], boxes[None]
    halves, others = first[..., 2:] * _ENLARGED / 2, second[..., 2:] * _ENLARGED / 2
    upper = np.minimum(first[..., :2] + halves, second[..., :2] + others)
    lower = np.maximum(first[..., :2] - halves, second[..., :2] - others)
    shared = np.clip(upper - lower, 0, None).prod(axis=2)
    union = 4 * (halves.prod(axis=2) + others.prod(axis=2)) - shared
    return np.asarray(shared / np.maximum(union, 1e-9))


class Smoother:
    """Exponential smoothing of each identity's probabilities, for any distance between frames.

    Args:
        seconds: after which a frame counts for 1/e of what it counted at first; 0 to leave the probabilities as they
            are.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last: dict[int, tuple[float, np.ndarray]] = {}

    def update(self, identity: int, probabilities: np.ndarray, time: float) -> np.ndarray:
        """The smoothed probabilities float32 [7] of an identity at a time in seconds."""
        if self._seconds and identity in self._last:
            before, earlier = self._last[identity]
            kept = math.exp(-max(0.0, time - before) / self._seconds)
            probabilities = (kept * earlier + (1 - kept) * probabilities).astype(np.float32)
        self._last[identity] = time, probabilities
        return probabilities

    def keep(self, identities: set[int]) -> None:
        """Forget all other identities."""
        self._last = {identity: last for identity, last in self._last.items() if identity in identities}


@dataclass(frozen=True, eq=False)
class Followed:
    """A face of a frame.

    Attributes:
        identity: the number of its person, from 1.
        face: as the models see it in this frame.
        smoothed: probabilities over time, float32 [7].
    """

    identity: int
    face: Face
    smoothed: np.ndarray

    @property
    def shown(self) -> Face:
        """The face with its smoothed probabilities."""
        return replace(self.face, probabilities=self.smoothed)


class Follower:
    """Follows the faces of a video from frame to frame.

    Args:
        tracker: gives the identities.
        smooth: in seconds, as in `Smoother`.
    """

    def __init__(self, tracker: Tracker, smooth: float) -> None:
        self._tracker, self._smoother = tracker, Smoother(smooth)

    def update(self, photo: Photo) -> list[Followed]:
        """The faces of the next frame, in their order."""
        time = photo.time or 0.0
        identities = self._tracker.update(photo.faces, time)
        found = [
            Followed(identity, face, self._smoother.update(identity, face.probabilities, time))
            for identity, face in zip(identities, photo.faces, strict=True)
        ]
        self._smoother.keep(self._tracker.known)
        return found


def follow(photos: Iterable[Photo], tracker: Tracker, smooth: float) -> Iterator[tuple[Photo, list[Followed]]]:
    """Follow the faces of a whole video.

    Args:
        photos: the answers to its frames, in their order.
        tracker: gives the identities.
        smooth: in seconds, as in `Smoother`.
    """
    follower = Follower(tracker, smooth)
    for photo in photos:
        yield photo, follower.update(photo)
