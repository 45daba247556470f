"""MediaPipe's face detector for short distances, BlazeFace, on onnxruntime: the region of the face in a small image.

The network says for each of 896 anchors how likely a face is there, its box, and six points of it, of which the eyes
give the roll of the head. As in MediaPipe, overlapping boxes are averaged, and the region that the landmark network is
shown is half as large again as the box.
"""

from typing import Final

import numpy as np

from fer.landmarks.network import FOLDER, open_session
from fer.landmarks.regions import cut_region, region_to_image

FILE: Final = FOLDER / "face_detector.onnx"
SHA256: Final = "9c6b6a472dc0a8867516dcaa2e3ffc4c8c5e77e47b0f9f94eca1236028564adf"
SIZE: Final = 128  # side in pixels of what the network sees
_SCALE = 1.5  # side of the region, in sides of the box
_SAME_FACE = 0.3  # intersection over union from which on boxes are averaged
_LIKELY = 0.1  # probability from which on a box has a part in that


class FaceDetector:
    """The network and its file (Bazarevsky et al. 2019, "BlazeFace"). Safe for use by several threads.

    Args:
        threads: of one call; None leaves it to onnxruntime.

    Raises:
        FerError: the file is missing or another one.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._session = open_session(FILE, SHA256, threads)

    def find(self, images: np.ndarray, border: float, mirrored: bool) -> np.ndarray:
        """The region of the likeliest face of each image; there always is one, however unlikely.

        Args:
            images: uint8 [n, S, S], grey.
            border: how much of the image's edge is repeated around it, in sides of the image: the network misses
                faces that fill what it sees.
            mirrored: whether the network sees mirror images. The regions are those of the images themselves.

        Returns:
            float64 [n, 4] (`fer.landmarks.regions`).
        """
        whole = (0.5, 0.5, 1 + 2 * border, 0.0)
        matrix = region_to_image(whole, images.shape[-1], SIZE, mirrored)
        seen = np.stack([cut_region(image, matrix, SIZE) for image in images])
        found, scores = self._session.run(None, {"images": seen.astype(np.float32) / 127.5 - 1})
        regions = np.array([_region(own, row) for own, row in zip(found, scores[..., 0], strict=True)])
        regions[:, :3] *= whole[2]
        regions[:, :2] -= border
        if mirrored:
            regions[:, 0] = 1 - regions[:, 0]
            regions[:, 3] *= -1
        return regions


def _anchors() -> np.ndarray:
    """Centres in sides of what the network sees, float32 [896, 2]: 2 on each place of a grid of 16, 6 of one of 8."""
    grids = []
    for side, count in ((16, 2), (8, 6)):
        y, x = np.mgrid[:side, :side].reshape(2, -1)
        grids.append(np.repeat(np.column_stack([x, y]) + 0.5, count, axis=0) / side)
    return np.concatenate(grids).astype(np.float32)


_ANCHORS: Final = _anchors()


def _region(found: np.ndarray, scores: np.ndarray) -> tuple[float, ...]:
    """The region of the likeliest face, in sides of what the network sees.

    Args:
        found: float32 [896, 16] in pixels: offset from the anchor and size of a box, and the offsets of six points.
        scores: float32 [896], logits.
    """
    values = found.reshape(-1, 8, 2) / SIZE
    centres, sizes, eyes = values[:, 0] + _ANCHORS, values[:, 1], values[:, 2:4] + _ANCHORS[:, None]
    low, high = centres - sizes / 2, centres + sizes / 2
    probabilities = 1 / (1 + np.exp(-np.clip(scores, -80, 80)))
    best = probabilities.argmax()
    shared = (np.minimum(high, high[best]) - np.maximum(low, low[best])).clip(0).prod(axis=1)
    united = sizes.prod(axis=1) + sizes[best].prod() - shared
    joined = (shared > _SAME_FACE * united) & (probabilities >= min(_LIKELY, probabilities[best]))
    weights = probabilities[joined] / probabilities[joined].sum()
    (x, y), size = weights @ centres[joined], weights @ sizes[joined]
    right, down = np.tensordot(weights, eyes[joined, 1] - eyes[joined, 0], 1)
    return x, y, _SCALE * size.max(), np.arctan2(down, right)
