"""Where the faces of a photo are.

MediaPipe's two detectors (BlazeFace, Bazarevsky et al. 2019) see a picture at 128 and 192 pixels: the one for short
range finds faces that fill it, the other smaller ones. Where both find nothing, or only tiny faces, overlapping tiles
of the photo are looked at too, and the photo with a border, for a face that leaves no room around it.
"""

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from fer.errors import FerError
from fer.inference.crop import Found

SCORE = 0.5
TINY = 0.12  # of the photo's longer side: the detectors place smaller faces badly
OVERLAP = 0.3  # of two boxes, as intersection over the smaller one: more is one face
TILES = (2, 3)
LARGEST = 1920  # pixels of the longer side that a detector is shown; both reduce much further themselves


class Detector(Protocol):
    """Finds faces. Not safe for use by several threads at once."""

    def find(self, grey: np.ndarray) -> list[Found]:
        """All faces of a photo, uint8 [H, W], the largest first."""


def best() -> Detector:
    """MediaPipe's detectors where it is installed, else OpenCV's."""
    return MediaPipe() if importlib.util.find_spec("mediapipe") else Haar()


class MediaPipe:
    """Both of MediaPipe's face detectors, at several scales."""

    def __init__(self) -> None:
        try:
            from mediapipe.python.solutions.face_detection import FaceDetection

            self._graphs: list[Any] = [FaceDetection(SCORE, model_selection=number) for number in (0, 1)]
        except (ImportError, OSError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise FerError(f"MediaPipe does not start ({reason}). Install mediapipe 0.10.21.") from error

    def find(self, grey: np.ndarray) -> list[Found]:
        """All faces of a photo, uint8 [H, W], the largest first."""
        longest = max(grey.shape)
        found = list(self._look(grey, self._graphs, 0, 0))
        if not found or all(face.size < TINY * longest for face in found):
            for top, left, tile in _tiles(grey):
                found += self._look(tile, self._graphs, left, top)
        if not found:
            width = max(1, longest // 4)
            found += self._look(np.pad(grey, width, mode="edge"), self._graphs, -width, -width)
        return merged(found)

    def _look(self, grey: np.ndarray, graphs: Sequence[Any], left: int, top: int) -> Iterator[Found]:
        import cv2

        scale = min(1.0, LARGEST / max(grey.shape))
        shown = grey if scale == 1 else cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        colour = cv2.cvtColor(shown, cv2.COLOR_GRAY2RGB)
        size = np.array(grey.shape[::-1], float)
        shift = np.array([left, top], float)
        for graph in graphs:
            for detection in graph.process(colour).detections or ():
                place = detection.location_data
                box = place.relative_bounding_box
                corner = np.array([box.xmin, box.ymin]) * size + shift
                sides = np.array([box.width, box.height]) * size
                points = [np.array([point.x, point.y]) * size + shift for point in place.relative_keypoints]
                eyes = np.stack(points[:2])
                yield Found((*corner, *sides), float(detection.score[0]), eyes[eyes[:, 0].argsort()], points[2])


class Haar:
    """OpenCV's cascade (Viola and Jones 2001), which every installation has: upright faces seen from the front."""

    def __init__(self) -> None:
        import cv2

        self._cascade = cv2.CascadeClassifier(f"{Path(cv2.__file__).parent}/data/haarcascade_frontalface_default.xml")

    def find(self, grey: np.ndarray) -> list[Found]:
        """All faces of a photo, uint8 [H, W], the largest first."""
        import cv2

        scale = min(1.0, 1280 / max(grey.shape))
        shown = grey if scale == 1 else cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        boxes, _, weights = self._cascade.detectMultiScale3(shown, 1.1, 8, minSize=(24, 24), outputRejectLevels=True)
        found = []
        for (left, top, width, height), weight in zip(boxes, np.ravel(weights), strict=True):
            # The weight is no probability; this maps its usual range, 2 to 8, to 0.5 to 1.
            score = float(np.clip(0.5 + (weight - 2) / 12, 0, 1))
            found.append(Found((left / scale, top / scale, width / scale, height / scale), score))
        return merged(found)


def _tiles(grey: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
    """Overlapping parts of a photo: top, left and pixels of each."""
    height, width = grey.shape
    for count in TILES:
        # Half as large again as a part without overlap would be.
        tall, wide = min(height, round(1.5 * height / count)), min(width, round(1.5 * width / count))
        for top in np.linspace(0, height - tall, count).astype(int):
            for left in np.linspace(0, width - wide, count).astype(int):
                yield int(top), int(left), grey[top : top + tall, left : left + wide]


def merged(found: Sequence[Found]) -> list[Found]:
    """One of each face, the one with the best score; the largest face first."""
    kept: list[Found] = []
    for face in sorted(found, key=lambda face: -face.score):
        if all(overlap(face, other) < OVERLAP for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: -face.size)


def overlap(one: Found, other: Found) -> float:
    """The area that two boxes share, as a share of the smaller one."""
    (left, top, width, height), (left_, top_, width_, height_) = one.box, other.box
    wide = min(left + width, left_ + width_) - max(left, left_)
    tall = min(top + height, top_ + height_) - max(top, top_)
    if wide <= 0 or tall <= 0:
        return 0.0
    return wide * tall / max(1e-9, min(width * height, width_ * height_))
