"""What a model sees of a face: the one place where training, evaluation and prediction get it from."""

from pathlib import Path

import numpy as np

from fer import config
from fer.data.faces import Faces
from fer.errors import FerError
from fer.landmarks import extract


def pixels(images: np.ndarray) -> np.ndarray:
    """What the models on pixels see.

    Args:
        images: square grey faces, uint8 [n, S, S].

    Returns:
        The same, contiguous, uint8 [n, S, S].

    Raises:
        ValueError: they are no square grey faces.
    """
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1] != images.shape[2]:
        raise ValueError(f"faces must be uint8 [n, S, S]: {images.dtype} {images.shape}")
    return np.ascontiguousarray(images)


def landmarks(images: np.ndarray, settings: config.Landmarks) -> np.ndarray:
    """What the models on landmarks see.

    Args:
        images: square grey faces, uint8 [n, S, S].
        settings: the section `landmarks` of `params.yaml`.

    Returns:
        Landmarks without pose, averaged over the views, float32 [n, 478, 3] in distances between the eyes;
        NaN for a face in which none were found.

    Raises:
        FerError: MediaPipe is missing or fails.
        ValueError: they are no square grey faces.
    """
    return extract.extract(pixels(images), settings).points


def load(sees: str, data: Path | str = "data") -> np.ndarray:
    """Read what the stages stored of these, for every face of the pipeline, in the order of the faces.

    Args:
        sees: `pixels` or `landmarks`.
        data: the folder of the pipeline's data.

    Returns:
        uint8 [N, S, S] or float32 [N, 478, 3], in memory.

    Raises:
        FerError: a stage before has not run, or has not run for these faces.
    """
    faces = Faces.load(Path(data, "faces"))
    if sees == "pixels":
        return pixels(np.array(faces.images))
    points = extract.Landmarks.load(Path(data, "landmarks")).points
    if len(points) != len(faces):
        raise FerError(f"{data} holds {len(faces):,} faces, but the landmarks of {len(points):,}. Run `dvc repro`.")
    return np.array(points)


def known(landmarks: np.ndarray) -> np.ndarray:
    """Whether landmarks were found in each face, bool [N], from float [N, 478, 3]."""
    found: np.ndarray = ~np.isnan(landmarks[:, 0, 0])
    return found
