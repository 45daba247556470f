"""How similar a face in a photo is to the faces that the models were trained on, and how the head is held."""

from typing import NamedTuple

import numpy as np

from fer.inference.covered import covered
from fer.inference.crop import Detection
from fer.inference.model_average import resized
from fer.landmarks.pose import angles
from fer.sizes import FACE

# Limits beyond which a face's quality is lowered.
SMALL = 36  # pixels of the box: a smaller face has less detail than the training images
OBLIQUE, PROFILE = 35, 55  # degrees of yaw
TILTED, UPSIDE_DOWN = 45, 135  # degrees of roll
UNSURE = 0.5  # score of the detector
WITHOUT_LANDMARKS = 0.3  # the quality is multiplied by this if no model had the landmarks that it needs

# Where the detector's five points lie in a face that looks into the camera: x to the right, y down, z away from it, in
# distances between the eyes. Chosen so that the angles agree with those of MediaPipe's landmarks on FER2013's Training
# faces (docs/photos.md): the depths are not measured, but what makes the angles right.
_FIVE = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 0.56, -0.5], [-0.41, 1, 0.1], [0.41, 1, 0.1]])
_TO_AXES = np.linalg.pinv(_FIVE - _FIVE.mean(axis=0))


class HeadPose(NamedTuple):
    """How a head is held, in degrees.

    Attributes:
        yaw: above 0 it is turned to the right of the picture.
        pitch: above 0 it looks up.
        roll: above 0 it is tilted clockwise.
    """

    yaw: float
    pitch: float
    roll: float


def head_pose(found: Detection, angles_in_crop: np.ndarray) -> HeadPose | None:
    """The pose by landmarks, or else by the detector's five points, or else None.

    Args:
        found: the face.
        angles_in_crop: float [3]: yaw, pitch and roll in its upright crop by the landmarks, NaN without these.
    """
    if not np.isnan(angles_in_crop).any():
        yaw, pitch, roll = map(float, angles_in_crop)
        return HeadPose(yaw, pitch, (roll + found.roll + 180) % 360 - 180)
    return None if found.points is None else HeadPose(*map(float, _angles_by_points(found.points)))


def _angles_by_points(points: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll by five points, float [3].

    The turn of `_FIVE` that fits best to the points, seen from afar (scaled orthographic projection). The pitch is
    coarse, since noses and chins have all lengths.
    """
    axes = (_TO_AXES @ (points - points.mean(axis=0))).T
    left, _, right = np.linalg.svd(axes, full_matrices=False)
    across, down = left @ right
    found: np.ndarray = angles(np.stack([across, down, np.cross(across, down)])[None])[0]
    return found


def quality(
    found: Detection, pose: HeadPose | None, crop: np.ndarray, has_landmarks: bool = True
) -> tuple[float, tuple[str, ...]]:
    """How similar a face is to the training images, 0 .. 1, and why it is below 1.

    Args:
        found: the face; without points it is a crop that somebody else has made, and is not judged.
        pose: how its head is held, if that is known.
        crop: the face as the models see it, uint8 [S, S].
        has_landmarks: False if a model needs landmarks and there are none.
    """
    reasons, value = [], 1.0

    def lower(factor: float, reason: str) -> None:
        nonlocal value
        reasons.append(reason)
        value *= factor

    if found.points is not None and pose is not None:
        if found.size < SMALL:
            lower(max(0.2, found.size / SMALL), f"small: {found.size:.0f} pixels")
        if abs(pose.yaw) > PROFILE:
            lower(0.3, "in profile")
        elif abs(pose.yaw) > OBLIQUE:
            lower(0.5, f"turned away by {abs(pose.yaw):.0f} degrees")
        elif covered(resized(crop[None], FACE))[0]:  # it knows only faces that look more or less into the camera
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
