"""Square regions of small grey images, turned and perhaps mirrored, as MediaPipe's networks are shown them.

A region is four numbers: its centre (x, y) and its side, in sides of the image, and its turn in radians, clockwise.
"""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

_EYE_CORNERS: Final = (33, 263)  # the landmarks from which MediaPipe takes the roll of the head


def region_around(points: np.ndarray, scale: float) -> np.ndarray:
    """The regions around faces, level with the eyes, as MediaPipe's tracking makes them.

    Args:
        points: float [n, 478, 3] in sides of the image.
        scale: the regions' side in sides of the square around all landmarks.

    Returns:
        float64 [n, 4].
    """
    low, high = points[:, :, :2].min(axis=1), points[:, :, :2].max(axis=1)
    right, down = (points[:, _EYE_CORNERS[1], :2] - points[:, _EYE_CORNERS[0], :2]).T
    side = scale * (high - low).max(axis=1)
    return np.column_stack([(low + high) / 2, side, np.arctan2(down, right)]).astype(np.float64)


def region_to_image(region: Sequence[float] | np.ndarray, side: int, size: int, mirrored: bool) -> np.ndarray:
    """From a pixel of what is cut out to the pixel of the image, float64 [2, 3].

    Args:
        region: float [4].
        side: of the image in pixels.
        size: side in pixels of what is cut out.
        mirrored: whether that is the mirror image.
    """
    x, y, length, turn = region
    scale = length * side / size
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    sign = -1 if mirrored else 1
    linear = np.array([[sign * cosine, -sine], [sign * sine, cosine]])
    centre = np.full(2, (size - 1) / 2)
    return np.column_stack([linear, np.array([x, y]) * side - 0.5 - linear @ centre])


def cut_region(image: np.ndarray, to_image: np.ndarray, size: int) -> np.ndarray:
    """Cut a region out of an image, uint8 [size, size]; beyond the edge the edge goes on.

    Args:
        image: uint8 [S, S], grey.
        to_image: what `region_to_image` gives.
        size: side of the result in pixels.
    """
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, to_image, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
