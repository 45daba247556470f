"""From a trained model's folder to its ONNX file."""

from pathlib import Path
from typing import Any

import numpy as np

import fer
from fer import artifacts, hashing, inputs, models, paths
from fer.config import Params
from fer.data import splits
from fer.data.faces import Faces
from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.export import measure, onnx_file
from fer.models.base import FaceModel

LARGEST_DIFFERENCE = 1e-4
LICENCE = "MIT"


def export(name: str, params: Params, path: Path) -> dict[str, Any]:
    """Write a model's ONNX file in float32, and compare it with the network on every face of val.

    Args:
        name: one of `fer.models.MODELS`.
        params: `data.dataset`, `data.size` and the sections of the inputs go into the file's metadata.
        path: the file.

    Returns:
        The content of `metrics/export/<name>.json`: what `measure.compare` tells.

    Raises:
        FerError: an artefact is missing or damaged, or the file answers otherwise than the network.
    """
    network, _ = models.load(paths.MODELS / name, name)
    labels = Faces.load(paths.FACES).labels
    val = np.flatnonzero(splits.read(paths.SPLITS, len(labels))["split"] == "val")
    values = inputs.select(inputs.load(network.inputs, paths.DATA), val)

    onnx_file.write(path, network, values, metadata(name, network, params))
    measured = measure.compare(path, values, labels[val], measure.probabilities(network, values))
    if measured["same_label"] < 1 or measured["largest_difference"] > LARGEST_DIFFERENCE:
        raise FerError(
            f"The exported {name} does not answer as the network does: the same label on "
            f"{measured['same_label']:.2%} of val, probabilities up to {measured['largest_difference']:.1e} apart."
        )
    return measured


def metadata(name: str, network: FaceModel, params: Params) -> dict[str, Any]:
    """What the file says of itself: `fer.inference.network` reads it."""
    return {
        "name": name,
        "inputs": list(network.inputs),
        "weights": hashing.sha256_of_file(paths.MODELS / name / artifacts.WEIGHTS_FILE),
        "precision": "float32",
        "dataset": params.data.dataset,
        "version": fer.__version__,
        "licence": LICENCE,
        "size": params.data.size,
        **inputs.settings(network.inputs, params),
        "emotions": list(EMOTIONS),
    }
