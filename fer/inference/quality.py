"""How similar a face in a photo is to the faces that the models were trained on, and how the head is held."""

import math
from typing import NamedTuple

import numpy as np

from fer.inference.crop import Detection
from fer.inference.crop_traits import COVERED, DRAWING, features, has_trait
from fer.inference.model_average import resized
from fer.sizes import FACE

# Limits beyond which a face's quality is lowered.
SMALL = 36  # pixels of the box: a smaller face has less detail than the training images
OBLIQUE, PROFILE = 35, 55  # degrees of yaw
TILTED, UPSIDE_DOWN = 45, 135  # degrees of roll
UNSURE = 0.5  # score of the detector
WITHOUT_LANDMARKS = 0.3  # the quality is multiplied by this if no model had the landmarks that it needs

# Where the detector's five points lie in a face that looks into the camera: x to the right, y down, z away from it, in
# distances between the eyes. The depths are not measured, but what makes the yaw agree with that of MediaPipe's
# landmarks on FER2013's Training faces (docs/photos.md).
_FIVE = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 0.56, -0.5], [-0.41, 1, 0.1], [0.41, 1, 0.1]])
_TO_AXES = np.linalg.pinv(_FIVE - _FIVE.mean(axis=0))


class HeadPose(NamedTuple):
    """How a head is held, in degrees.

    Attributes:
        yaw: above 0 it is turned to the right of the picture.
        roll: above 0 it is tilted clockwise.
    """

    yaw: float
    roll: float


def head_pose(found: Detection) -> HeadPose | None:
    """How a head is held, by the detector's five points; None without these.

    The rotation of `_FIVE` that fits best to the points, seen from afar (scaled orthographic projection). Its pitch is
    left out: from five points it can hardly be told (docs/photos.md).
    """
    if found.points is None:
        return None
    axes = (_TO_AXES @ (found.points - found.points.mean(axis=0))).T
    left, _, right = np.linalg.svd(axes, full_matrices=False)
    across, down = left @ right  # the first two rows of the rotation
    roll = math.atan2(down[0], across[0])
    aside = -math.cos(roll) * across[2] - math.sin(roll) * down[2]
    ahead = across[0] * down[1] - across[1] * down[0]
    return HeadPose(math.degrees(math.atan2(aside, ahead)), math.degrees(roll))


def quality(
    found: Detection, pose: HeadPose | None, crop: np.ndarray, has_landmarks: bool = True
) -> tuple[float, tuple[str, ...]]:
    """How similar a face is to the training images, 0 .. 1, and why it is below 1.

    Args:
        found: the face.
        pose: how its head is held; None for a crop that somebody else has made, of which only landmarks are judged.
        crop: the face as the models see it, uint8 [S, S].
        has_landmarks: False if a model needs landmarks and there are none.
    """
    reasons, value = [], 1.0

    def lower(factor: float, reason: str) -> None:
        nonlocal value
        reasons.append(reason)
        value *= factor

    if pose is not None:
        described = features(resized(crop[None], FACE))
        if has_trait(DRAWING, described)[0]:
            lower(0.5, "looks like a drawing")
        if found.size < SMALL:
            lower(max(0.2, found.size / SMALL), f"small: {found.size:.0f} pixels")
        if abs(pose.yaw) > PROFILE:
            lower(0.3, "in profile")
        elif abs(pose.yaw) > OBLIQUE:
            lower(0.5, f"turned away by {abs(pose.yaw):.0f} degrees")
        elif has_trait(COVERED, described)[0]:  # it knows only faces that look more or less into the camera
            lower(0.4, "the mouth is covered")
        if abs(pose.roll) > UPSIDE_DOWN:
            lower(0.8, "upside down")
        elif abs(pose.roll) > TILTED:
            lower(0.8, f"tilted by {abs(pose.roll):.0f} degrees")
        if found.score < UNSURE:
            lower(0.7, f"the detector is unsure: {found.score:.2f}")
    if not has_landmarks:
        lower(WITHOUT_LANDMARKS, "no landmarks found")
    return round(value, 2), tuple(reasons)
