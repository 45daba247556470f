"""What each model sees of a face: the one place where training, evaluation and prediction get it from."""

from pathlib import Path

import numpy as np

from fer import artifacts
from fer.data.faces import Faces
from fer.landmarks.extract import Landmarks
from fer.landmarks.normalize import normalize


def load(name: str, data: Path | str = "data") -> np.ndarray:
    """Read the inputs of the model `name` for every face of the pipeline, in the order of the faces.

    Args:
        name: one of `fer.emotions.MODELS`.
        data: the folder of the pipeline's data.

    Returns:
        classifier, transformer: normalised landmarks float32 [N, 478, 3], NaN where none were found.
        gnn: node features float32 [N, 478, F], likewise.
        cnn: grey faces uint8 [N, 48, 48].

    Raises:
        FerError: a stage before has not run.
    """
    data = Path(data)
    if name == "cnn":
        return np.array(Faces.load(data / "faces").images)
    if name == "gnn":
        return artifacts.read_array(data / "graphs" / "features.npy").astype(np.float32)
    landmarks = Landmarks.load(data / "landmarks.npz")
    return normalize(landmarks.xyz, landmarks.detected)


def known(values: np.ndarray) -> np.ndarray:
    """Whether landmarks were found in each face, bool [N], from the landmark models' inputs [N, 478, F]."""
    found: np.ndarray = ~np.isnan(values[:, 0, 0])
    return found
