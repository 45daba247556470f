"""How many faces were found, and where they were missed."""

from typing import Any

import numpy as np

from fer.data.faces import Faces
from fer.emotions import EMOTIONS, USAGES
from fer.errors import FerError
from fer.landmarks.extract import FaceLandmarks


def audit(faces: Faces, landmarks: FaceLandmarks, views: int) -> dict[str, Any]:
    """Faces, found and rate: overall, by usage and by emotion; and how many views found them.

    Args:
        faces: N faces.
        landmarks: their landmarks, in the same order.
        views: how many there are.

    Raises:
        FerError: not one face was found, so there is nothing to train on.
    """
    if not landmarks.detected.any():
        raise FerError(
            f"No landmarks were found in any of {len(faces)} images. Are they upright faces that fill their image?"
        )
    counts = np.bincount(landmarks.views, minlength=views + 1)
    table = faces.table
    return {
        **_share(landmarks.detected),
        "missed": int((~landmarks.detected).sum()),
        "found_by_views": {str(number): int(count) for number, count in enumerate(counts)},
        "usage": _shares(landmarks.detected, table["usage"].to_numpy(str), USAGES),
        "emotion": _shares(landmarks.detected, table["emotion"].to_numpy(str), EMOTIONS),
    }


def _shares(detected: np.ndarray, group: np.ndarray, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    return {name: _share(detected[group == name]) for name in names if (group == name).any()}


def _share(found: np.ndarray) -> dict[str, Any]:
    return {
        "faces": len(found),
        "found": int(found.sum()),
        "rate": float(found.mean()) if len(found) else 0.0,
    }
