"""Landmarks of face crops: found in several views, freed of the head's pose, and averaged.

One view of a face gives points that tremble by a pixel or two. Several views (another border, the mirror image) tremble
differently, and their mean trembles less. In each view the face detector
says where the landmark network is to look. Where that sees no face in any view, it looks in some usual places and
around what it finds there; if it is still not sure of a face, the likeliest of these looks is used, since rough points
say more of an expression than none.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from fer import artifacts, progress, writing
from fer.errors import FerError
from fer.landmarks.detector import FaceDetector
from fer.landmarks.network import LandmarkNetwork
from fer.landmarks.normalize import normalize
from fer.landmarks.regions import region_around
from fer.landmarks.symmetry import FLIP
from fer.landmarks.views import LandmarkSettings
from fer.sizes import POINTS

# Where the landmark network looks for a face that the detector has missed: centre (x, y) and side in sides of the crop,
# turn in radians.
USUAL_REGIONS: Final = (
    (0.5, 0.52, 1.1, 0.0),
    (0.5, 0.52, 0.85, 0.0),
    (0.5, 0.5, 1.2, 0.35),
    (0.5, 0.5, 1.2, -0.35),
    (0.5, 0.5, 1.5, 0.0),
)
SECOND_SCALE: Final = 1.75  # of the region around what it finds there, in sides of the square around the landmarks
SMALLEST_SIDE: Final = 0.05  # of a region: points that fall together must not make a region of no size
# Faces a call of the network: with more, its activations leave the cache of the processor, and it takes half as long
# again. It is part of the result in its last digits, so it is no setting.
BATCH: Final = 2

Found = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class FaceLandmarks:
    """The normalised landmarks of N faces, in the order of the faces.

    Attributes:
        points: float32 [N, 478, 3], without pose, in distances between the eyes (`normalize`), averaged over
            the views in which the face was found; NaN where there is none.
        views: uint8 [N], how many views these are.
    """

    points: np.ndarray
    views: np.ndarray

    def __post_init__(self) -> None:
        expected = {"points": (np.float32, (len(self.points), POINTS, 3)), "views": (np.uint8, (len(self.points),))}
        for name, (dtype, shape) in expected.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != dtype:
                raise ValueError(f"{name} must be {np.dtype(dtype)} {shape}: {array.dtype} {array.shape}")

    def __len__(self) -> int:
        return len(self.points)

    @property
    def detected(self) -> np.ndarray:
        """Whether a face was found, bool [N]."""
        return self.views > 0

    def save(self, folder: Path | str) -> None:
        """Write `points.npy` and `views.npy`."""
        folder = writing.clean_folder(folder)
        artifacts.write_array(folder / "points.npy", self.points)
        artifacts.write_array(folder / "views.npy", self.views)

    @classmethod
    def load(cls, folder: Path | str) -> "FaceLandmarks":
        """Read what `save` wrote; the points are memory-mapped.

        Raises:
            FerError: a file is missing, damaged, or holds something else.
        """
        points = artifacts.read_array(Path(folder) / "points.npy", mmap=True)
        views = artifacts.read_array(Path(folder) / "views.npy")
        try:
            return cls(points, views)
        except (TypeError, ValueError) as error:
            raise FerError(f"{folder} holds no landmarks ({error}). Delete it and run `dvc repro`.") from error


class Locator:
    """Finds the landmarks of face crops that are framed like FER2013's. Safe for use by several threads.

    Args:
        settings: the views, and what counts as found.
        threads: of one call of the networks; None leaves it to onnxruntime.

    Raises:
        FerError: a network's file is missing or damaged.
    """

    def __init__(self, settings: LandmarkSettings, threads: int | None = None) -> None:
        self._settings = settings
        self._detector, self._network = FaceDetector(threads), LandmarkNetwork(threads)

    def average(self, images: np.ndarray) -> Found:
        """Mean normalised landmarks of faces, over the views in which they are found, or else the likeliest ones.

        Args:
            images: uint8 [n, S, S], grey.

        Returns:
            float32 [n, 478, 3]; and in how many views the face was found, uint8 [n].
        """
        parts = [self._average(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
        return _joined(parts)

    def locate(self, images: np.ndarray) -> np.ndarray:
        """Where the landmarks lie in the images, by the likeliest view, for drawing them.

        Args:
            images: uint8 [n, S, S], grey.

        Returns:
            float32 [n, 478, 3] in sides of the image.
        """
        located = np.empty((len(images), POINTS, 3), np.float32)
        for start in range(0, len(images), BATCH):
            points, presence = self._views(images[start : start + BATCH])
            located[start : start + BATCH] = points[presence.argmax(axis=0), np.arange(presence.shape[1])]
        return located

    def _average(self, images: np.ndarray) -> Found:
        located, presence = self._views(images)
        found = presence >= self._settings.presence
        used = found | (~found.any(axis=0) & (presence == presence.max(axis=0)))
        normalised = normalize(located, used)
        known = ~np.isnan(normalised[..., :1, :1])
        total = np.where(known, normalised, 0).sum(axis=0, dtype=np.float64)
        with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: points that fall together have no pose
            points = (total / known.sum(axis=0)).astype(np.float32)
        return points, found.sum(axis=0).astype(np.uint8)

    def _views(self, images: np.ndarray) -> Found:
        """Landmarks in each view and in both second looks, and how likely a face is there.

        Returns:
            float32 [views + 2, n, 478, 3] in sides of the image and float32 [views + 2, n]; NaN and 0 where a face
            needed no second look.
        """
        views, count = self._settings.views, len(images)
        points = np.full((len(views) + 2, count, POINTS, 3), np.nan, np.float32)
        presence = np.zeros((len(views) + 2, count), np.float32)
        for row, view in enumerate(views):
            regions = self._detector.find(images, view.border, view.mirrored)
            points[row], presence[row] = self._find(images, regions, view.mirrored)
        missed = np.flatnonzero((presence < self._settings.presence).all(axis=0))
        if len(missed):
            regions = region_around(self._first_guess(images[missed]), SECOND_SCALE)
            for row, mirrored in ((-2, False), (-1, True)):
                points[row, missed], presence[row, missed] = self._find(images[missed], regions, mirrored)
        return points, presence

    def _first_guess(self, images: np.ndarray) -> np.ndarray:
        """Landmarks in the likeliest of `USUAL_REGIONS`, float32 [n, 478, 3]."""
        looks = [self._find(images, np.tile(region, (len(images), 1)), mirrored=False) for region in USUAL_REGIONS]
        points, presence = map(np.stack, zip(*looks, strict=True))
        likeliest: np.ndarray = points[presence.argmax(axis=0), np.arange(len(images))]
        return likeliest

    def _find(self, images: np.ndarray, regions: np.ndarray, mirrored: bool) -> Found:
        regions[:, 2] = np.maximum(regions[:, 2], SMALLEST_SIDE)
        points, presence = self._network.find(images, regions, mirrored)
        return points[:, FLIP] if mirrored else points, presence


def extract(images: np.ndarray, settings: LandmarkSettings, workers: int = 0) -> FaceLandmarks:
    """Find the landmarks of N faces in several threads; the result does not depend on how many these are.

    Args:
        images: uint8 [N, S, S], grey.
        settings: the views, and what counts as found.
        workers: threads; 0 takes one for each core.

    Raises:
        FerError: the network's file is missing or damaged.
    """
    import cv2

    cv2.setNumThreads(1)
    locator = Locator(settings, threads=1)
    with progress.bar("Landmarks", len(images), "faces, {found:.1%} found,") as advance:
        return FaceLandmarks(*_joined(list(_in_threads(locator.average, images, workers or cores(), advance))))


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_threads(
    work: Callable[[np.ndarray], Found], images: np.ndarray, workers: int, advance: Callable[..., None]
) -> Iterator[Found]:
    """Do the work batch by batch, and yield the results in order."""
    done = found = 0
    executor = ThreadPoolExecutor(workers, "fer-landmarks")
    try:
        for part in executor.map(work, (images[start : start + BATCH] for start in range(0, len(images), BATCH))):
            done, found = done + len(part[1]), found + int((part[1] > 0).sum())
            advance(len(part[1]), found=found / done)
            yield part
    finally:  # on Ctrl-C above all
        executor.shutdown(wait=True, cancel_futures=True)


def _joined(parts: list[Found]) -> Found:
    if not parts:
        return np.empty((0, POINTS, 3), np.float32), np.zeros(0, np.uint8)
    points, views = zip(*parts, strict=True)
    return np.concatenate(points), np.concatenate(views)
