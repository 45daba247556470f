"""Which landmark is the mirror image of which.

MediaPipe's mesh is symmetric but does not say how. The answer was found once, on the mean normalised face of
FER2013: the mean face mirrored at x = 0 and assigned point by point to itself with the least sum of squared
distances (the assignment problem, scipy's linear_sum_assignment). It has a simple form, written down here:
28 points lie on the midline, the other points below 248 are the subject's right half, and 248 .. 467 are the
left half in the same order. The tests check it against MediaPipe's own left and right connection lists.
"""

from typing import Final

import numpy as np

from fer.sizes import POINTS

MIDLINE: Final = (
    0, 1, 2, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 94, 151, 152, 164, 168, 175, 195,
    197, 199, 200,
)  # fmt: skip
_FIRST_LEFT, _FIRST_IRIS = 248, 468
# Centre, then four points around it. Both irises are numbered in the image's sense, so outer meets inner.
_RIGHT_IRIS, _LEFT_IRIS = (468, 469, 470, 471, 472), (473, 476, 475, 474, 477)


def _flip() -> np.ndarray:
    right = [*(point for point in range(_FIRST_LEFT) if point not in MIDLINE), *_RIGHT_IRIS]
    left = [*range(_FIRST_LEFT, _FIRST_IRIS), *_LEFT_IRIS]
    flip = np.arange(POINTS, dtype=np.int64)
    flip[right], flip[left] = left, right
    return flip


FLIP: Final[np.ndarray] = _flip()
"""int64 [478]: `points[FLIP]` exchanges the left and right points of a face."""
