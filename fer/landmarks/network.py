"""MediaPipe's attention mesh on onnxruntime: 478 points of a face in a region of a small grey image.

MediaPipe puts a face detector in front of the network. Here the crop's framing is known, so the network sees the crop
itself first, and then, as in MediaPipe's tracking from one video frame to the next, the region around the points that
it has just found. That needs no detector, which misses faces that fill their image, and no MediaPipe.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from fer import hashing
from fer.errors import FerError
from fer.sizes import POINTS

FILE: Final = Path(__file__).parents[1] / "pretrained" / "landmarker" / "face_landmarks.onnx"
SHA256: Final = "9dfca6a202846965d7cc42dd74fa40210608de03ce3052037000988bb6fc031a"
SIZE: Final = 192  # side in pixels of what the network sees

# The corners of the eyes from which MediaPipe takes the roll of the head.
_EYE_CORNERS: Final = (33, 263)


class LandmarkNetwork:
    """The network and its file (Grishchenko et al. 2020). Safe for use by several threads.

    Args:
        threads: of one call; None leaves it to onnxruntime.

    Raises:
        FerError: the file is missing or another one.
    """

    def __init__(self, threads: int | None = None) -> None:
        import onnxruntime

        if not FILE.is_file() or hashing.sha256_of_file(FILE) != SHA256:
            raise FerError(f"{FILE} is missing or damaged. Install fer again.")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if threads is not None:
            options.intra_op_num_threads = threads
        self._session: Any = onnxruntime.InferenceSession(FILE, options, providers=["CPUExecutionProvider"])

    def find(self, images: np.ndarray, regions: np.ndarray, mirrored: bool) -> tuple[np.ndarray, np.ndarray]:
        """Find the landmarks in one region of each image.

        Args:
            images: uint8 [n, S, S], grey.
            regions: float [n, 4], as `region_around` makes them.
            mirrored: whether the network sees mirror images. The points lie where they are in the image itself, but
                left and right points have changed places.

        Returns:
            Points float32 [n, 478, 3]: x and y in sides of the image (y downwards), z in the same unit (smaller is
            nearer the camera). And the probability that there is a face in each region, float32 [n].
        """
        side = images.shape[-1]
        matrices = [_matrix(region, side, mirrored) for region in regions]
        seen = np.stack([_cut(image, matrix) for image, matrix in zip(images, matrices, strict=True)])
        found, presence = self._session.run(None, {"images": seen})
        points = np.empty((len(images), POINTS, 3), np.float32)
        for row, (own, matrix) in enumerate(zip(found, matrices, strict=True)):
            points[row, :, :2] = (own[:, :2] @ matrix[:, :2].T + matrix[:, 2] + 0.5) / side
            points[row, :, 2] = own[:, 2] * np.hypot(*matrix[:, 0]) / side
        return points, presence


def region_around(points: np.ndarray, scale: float) -> np.ndarray:
    """The square regions around faces, turned so that the eyes are level, as MediaPipe's tracking makes them.

    Args:
        points: float [n, 478, 3] in sides of the image.
        scale: the regions' side in sides of the square around all landmarks.

    Returns:
        float64 [n, 4]: centre (x, y) and side in sides of the image, and the turn in radians, clockwise.
    """
    low, high = points[:, :, :2].min(axis=1), points[:, :, :2].max(axis=1)
    right, down = (points[:, _EYE_CORNERS[1], :2] - points[:, _EYE_CORNERS[0], :2]).T
    side = scale * (high - low).max(axis=1)
    return np.column_stack([(low + high) / 2, side, np.arctan2(down, right)]).astype(np.float64)


def _matrix(region: Sequence[float] | np.ndarray, side: int, mirrored: bool) -> np.ndarray:
    """From a pixel that the network sees to the pixel of the image, float64 [2, 3]."""
    x, y, length, turn = region
    scale = length * side / SIZE
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    sign = -1 if mirrored else 1
    linear = np.array([[sign * cosine, -sine], [sign * sine, cosine]])
    centre = np.full(2, (SIZE - 1) / 2)
    return np.column_stack([linear, np.array([x, y]) * side - 0.5 - linear @ centre])


def _cut(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A region of an image as the network sees it, float32 [192, 192], 0 .. 1; beyond the edge the edge goes on."""
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    grey = cv2.warpAffine(image, matrix, (SIZE, SIZE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return grey.astype(np.float32) / 255
