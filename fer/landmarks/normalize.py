"""Landmarks with the pose of the head in the image removed, and their mirror image."""

import numpy as np

from fer.landmarks.symmetry import FLIP

# Outer and inner corner of each eye; right and left are the subject's, so the right eye has the smaller x.
# Corners, not iris centres (468, 473): they are fixed to the skull, an iris turns with the gaze. Measured on
# FER2013, the length of the nose bridge, which no expression changes, spreads over 25 % of its median (5th to
# 95th percentile) when corners set the unit, over 27 % with irises.
RIGHT_EYE = (33, 133)
LEFT_EYE = (362, 263)
_SMALLEST = 1e-6


def normalize(xyz: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """Remove roll, position and size: the eyes are level and one unit apart, the origin lies between them.

    The unit is the distance in space, z included. In the image alone it shrinks as a head turns away, which
    would stretch the rest of the face (the nose bridge then spreads over 34 %, profiles over far more).

    Args:
        xyz: float32 [..., 478, 3], x and y in one unit (y downwards), z in the same.
        detected: bool [...], whether the landmarks of that face are known.

    Returns:
        float32 [..., 478, 3] in distances between the eyes; NaN for faces that were not detected.
    """
    points = np.asarray(xyz, np.float32)
    right = points[..., RIGHT_EYE, :].mean(axis=-2)
    left = points[..., LEFT_EYE, :].mean(axis=-2)
    across = left - right
    level = np.linalg.norm(across[..., :2], axis=-1)
    known = np.asarray(detected, bool) & (level > _SMALLEST)
    level = np.where(known, level, np.float32(1))
    cosine, sine = across[..., 0] / level, across[..., 1] / level
    distance = np.where(known, np.linalg.norm(across, axis=-1), np.float32(1))

    centred = points - ((left + right) / 2)[..., None, :]
    turned = np.empty_like(centred)
    turned[..., 0] = centred[..., 0] * cosine[..., None] + centred[..., 1] * sine[..., None]
    turned[..., 1] = centred[..., 1] * cosine[..., None] - centred[..., 0] * sine[..., None]
    turned[..., 2] = centred[..., 2]
    turned /= distance[..., None, None]
    turned[~known] = np.nan
    return turned


def mirror(normalised: np.ndarray) -> np.ndarray:
    """Mirror normalised landmarks [..., 478, 3]: x changes sign, left and right points change places."""
    mirrored = normalised[..., FLIP, :]
    mirrored[..., 0] = -mirrored[..., 0]
    return mirrored
