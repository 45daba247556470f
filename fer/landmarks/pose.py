"""How a head is held, in degrees: from its landmarks."""

import numpy as np

from fer.landmarks.normalize import normalize


def angles(turn: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll of turned heads, float64 [n, 3], in degrees.

    The head is nodded by the pitch (above 0 it looks up), turned by the yaw (above 0 to the right of the picture), and
    tilted by the roll (above 0 clockwise), in this order.

    Args:
        turn: float [n, 3, 3]: rotations that take points (x to the right, y down, z away from the camera) of a face
            that looks into the camera to those of the head.
    """
    across, ahead = turn[:, :, 0], -turn[:, :, 2]
    roll = np.arctan2(across[:, 1], across[:, 0])
    cosine, sine = np.cos(roll), np.sin(roll)
    right = cosine * ahead[:, 0] + sine * ahead[:, 1]
    down = cosine * ahead[:, 1] - sine * ahead[:, 0]
    yaw, pitch = np.arctan2(right, -ahead[:, 2]), -np.arcsin(np.clip(down, -1, 1))
    return np.degrees(np.column_stack([yaw, pitch, roll]))


def head_poses(points: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll (`angles`) of faces by their landmarks, float64 [n, 3]; NaN where points fall together.

    Args:
        points: float [n, 478, 3], as the landmark network finds them.
    """
    straight = normalize(points, np.ones(len(points), bool)).astype(np.float64)
    known = ~np.isnan(straight[:, 0, 0])
    result = np.full((len(points), 3), np.nan)
    found = points[known].astype(np.float64)
    found -= found.mean(axis=1, keepdims=True)
    straight = straight[known] - straight[known].mean(axis=1, keepdims=True)
    turns = np.linalg.pinv(found) @ straight  # how `normalize` has turned and enlarged each face, exactly
    result[known] = angles(turns / np.cbrt(np.linalg.det(turns))[:, None, None])
    return result
