"""The areas of a face that people speak of, and its surface as triangles between landmarks."""

import functools
from typing import Final

import numpy as np

from fer.landmarks import topology

AREAS: Final = {
    "brows": ("left_eyebrow", "right_eyebrow"),
    "eyes": ("left_eye", "right_eye", "left_iris", "right_iris"),
    "nose": ("nose",),
    "mouth": ("lips",),
    "outline": ("oval",),
    "cheeks and rest": ("other",),
}
"""Each area, and the regions of `fer.landmarks.topology` of which it consists.

MediaPipe's regions are lines, so the landmarks next to the eyes, the mouth, the nose and the brows, in this order, also
belong to these: lids move with the eyes.
"""

_GROWING: Final = ("eyes", "mouth", "nose", "brows")


@functools.cache
def masks() -> np.ndarray:
    """Which landmarks lie in each area, bool [6, 478]; each lies in one."""
    region, names = topology.regions(), list(AREAS)
    of_region = {own: number for number, regions in enumerate(AREAS.values()) for own in regions}
    area = np.array([of_region[name] for name in topology.REGIONS])[region]
    lines, rest, neighbours = area.copy(), names.index("cheeks and rest"), _neighbours()
    for name in reversed(_GROWING):  # the first one has the last word
        members = np.flatnonzero(lines == names.index(name))
        beside = [other for member in members for other in neighbours.get(int(member), ()) if lines[other] == rest]
        area[beside] = names.index(name)
    return np.stack([area == number for number in range(len(names))])


def _neighbours() -> dict[int, set[int]]:
    """The landmarks to which MediaPipe's mesh joins each landmark."""
    found: dict[int, set[int]] = {}
    for one, other in topology.connections()["tesselation"]:
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return found


@functools.cache
def triangles() -> np.ndarray:
    """The landmarks at the corners of each triangle of MediaPipe's mesh, int64 [T, 3]."""
    edges, neighbours = topology.connections()["tesselation"], _neighbours()
    found = {
        tuple(sorted((one, other, third))) for one, other in edges for third in neighbours[one] & neighbours[other]
    }
    return np.array(sorted(found), np.int64)


def painted(points: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """A picture of values that belong to landmarks: each triangle has the mean of its corners.

    Args:
        points: float [478, 2], where the landmarks lie, in sides of the picture.
        values: float [..., 478].
        size: side of the picture in pixels.

    Returns:
        float32 [..., size, size]; 0 outside of the face.
    """
    import cv2

    corners = triangles()
    owner = np.full((size, size), len(corners), np.float32)  # the number of a pixel's triangle
    for number, places in enumerate(np.round(points[corners] * size * 16).astype(np.int32)):
        cv2.fillConvexPoly(owner, places, float(number), shift=4)
    means = np.concatenate([values[..., corners].mean(axis=-1), np.zeros((*values.shape[:-1], 1))], axis=-1)
    picture: np.ndarray = means[..., owner.astype(np.int64)].astype(np.float32)
    return picture
