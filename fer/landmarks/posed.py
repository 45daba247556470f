"""Finds landmarks and remembers how the heads were held, for prediction."""

import threading

import numpy as np

from fer.landmarks.extract import Found, Locator
from fer.landmarks.pose import head_poses
from fer.landmarks.views import LandmarkSettings


class PosedLocator(Locator):
    """Finds landmarks, and remembers how the heads were held. Safe for use by several threads.

    Args:
        settings: the views, and what counts as found.
        threads: of one call of the networks; None leaves it to onnxruntime.

    Raises:
        FerError: a network's file is missing or damaged.
    """

    def __init__(self, settings: LandmarkSettings, threads: int | None = None) -> None:
        super().__init__(settings, threads)
        self._seen = threading.local()

    @property
    def poses(self) -> np.ndarray:
        """Yaw, pitch and roll of the faces of this thread's last `average`, by the likeliest view: float64 [n, 3]."""
        return np.concatenate([np.empty((0, 3)), *self._seen.poses])

    def average(self, images: np.ndarray) -> Found:
        """As `Locator.average`."""
        self._seen.poses = []
        return super().average(images)

    def _views(self, images: np.ndarray) -> Found:
        points, presence = super()._views(images)
        if hasattr(self._seen, "poses"):
            likeliest = points[presence.argmax(axis=0), np.arange(len(images))]
            self._seen.poses.append(head_poses(likeliest))
        return points, presence
