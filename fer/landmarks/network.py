"""MediaPipe's attention mesh on onnxruntime: 478 points of a face in a region of a small grey image."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from fer import hashing
from fer.errors import FerError
from fer.landmarks.regions import cut_region, region_to_image
from fer.sizes import POINTS

FOLDER: Final = Path(__file__).parents[1] / "pretrained" / "landmarker"
FILE: Final = FOLDER / "face_landmarks.onnx"
SHA256: Final = "9dfca6a202846965d7cc42dd74fa40210608de03ce3052037000988bb6fc031a"
SIZE: Final = 192  # side in pixels of what the network sees


class LandmarkNetwork:
    """The network and its file (Grishchenko et al. 2020). Safe for use by several threads.

    Args:
        threads: of one call; None leaves it to onnxruntime.

    Raises:
        FerError: the file is missing or another one.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._session = open_session(FILE, SHA256, threads)

    def find(self, images: np.ndarray, regions: np.ndarray, mirrored: bool) -> tuple[np.ndarray, np.ndarray]:
        """Find the landmarks in one region of each image.

        Args:
            images: uint8 [n, S, S], grey.
            regions: float [n, 4] (`fer.landmarks.regions`).
            mirrored: whether the network sees mirror images. The points lie where they are in the image itself, but
                left and right points have changed places.

        Returns:
            Points float32 [n, 478, 3]: x and y in sides of the image (y downwards), z in the same unit (smaller is
            nearer the camera). And the probability that there is a face in each region, float32 [n].
        """
        side = images.shape[-1]
        matrices = [region_to_image(region, side, SIZE, mirrored) for region in regions]
        seen = np.stack([cut_region(image, own, SIZE) for image, own in zip(images, matrices, strict=True)])
        found, presence = self._session.run(None, {"images": seen.astype(np.float32) / 255})
        points = np.empty((len(images), POINTS, 3), np.float32)
        for row, (own, matrix) in enumerate(zip(found, matrices, strict=True)):
            points[row, :, :2] = (own[:, :2] @ matrix[:, :2].T + matrix[:, 2] + 0.5) / side
            points[row, :, 2] = own[:, 2] * np.hypot(*matrix[:, 0]) / side
        return points, presence


def open_session(path: Path, sha256: str, threads: int | None) -> Any:
    """Open one of the networks that come with the package.

    Args:
        path: of the file.
        sha256: of its content.
        threads: of one call; None leaves it to onnxruntime.

    Raises:
        FerError: the file is missing or another one.
    """
    import onnxruntime

    if not path.is_file() or hashing.sha256_of_file(path) != sha256:
        raise FerError(f"{path} is missing or damaged. Install fer again.")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
