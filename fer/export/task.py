"""From a trained model's folder to its ONNX files."""

from pathlib import Path
from typing import Any

import numpy as np

import fer
from fer import artifacts, models
from fer.config import Params
from fer.data import drawn, splits
from fer.data.faces import Faces
from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.export import int8, onnx_file
from fer.export.measure import answers, measure
from fer.inference.predictor import Predictor
from fer.models import inputs
from fer.models.pretrained import sha256

DATA, MODELS, DETAIL = Path("data"), Path("models"), Path("metrics/detail")
EXPORTED, PRETRAINED = Path("models/onnx"), Path("fer/pretrained")
LARGEST_DIFFERENCE = 1e-4
LICENCE = "MIT"
DRAWN_FACES = 140


def export(name: str, params: Params) -> dict[str, Any]:
    """Write a model's files: `models/onnx/<name>.onnx` in float32, and the one that comes with the package.

    That one is `fer/pretrained/<name>.onnx`: with weights of eight bits for a network on pixels, which is large;
    in float32 for one on landmarks.

    Args:
        name: one of `fer.models.MODELS`.
        params: `data.dataset` is used.

    Returns:
        The content of `metrics/export/<name>.json`: for each file what `measure` tells, and `score_drawn`.

    Raises:
        FerError: an artefact is missing or damaged, or the float32 file answers otherwise than the network.
    """
    network, _ = models.load(MODELS / name)
    labels = Faces.load(DATA / "faces").labels
    table = splits.read(DATA / "splits.csv", len(labels))
    val = np.flatnonzero(table["split"] == "val")
    faces = inputs.load(network.sees, DATA)

    exported, pretrained = EXPORTED / f"{name}.onnx", PRETRAINED / f"{name}.onnx"
    expected = answers(network, faces[val])
    about = _about(name, network.sees, float((expected.argmax(1) == labels[val]).mean()), params)
    onnx_file.write(exported, network, faces[val], about)
    measured = {"float32": measure(exported, faces[val], labels[val], expected)}
    exact = measured["float32"]
    if exact["same_label"] < 1 or exact["largest_difference"] > LARGEST_DIFFERENCE:
        raise FerError(
            f"{exported} does not answer as the network does: the same on {exact['same_label']:.2%} of val, "
            f"probabilities up to {exact['largest_difference']:.1e} apart."
        )
    if network.sees == "pixels":
        int8.write(exported, pretrained, about | {"precision": "int8"})
        measured["int8"] = measure(pretrained, faces[val], labels[val], expected)
    else:
        artifacts.write_bytes(pretrained, exported.read_bytes())
    return {**measured, "drawn": score_drawn(pretrained)}


def score_drawn(path: Path) -> float:
    """The share of the embedded drawn faces that a file names as they were meant: a test asks it again.

    Drawn faces are at hand everywhere, so the test can tell whether a file is the one that was measured. They say
    little about people.
    """
    faces = drawn.draw(DRAWN_FACES, seed=0)
    answers = Predictor([str(path)], detect=False).predict_crops(faces.images)
    return float((answers.argmax(axis=1) == faces.labels).mean())


def _about(name: str, sees: str, val: float, params: Params) -> dict[str, Any]:
    """The metadata of the files: `fer.inference.network.About` reads them."""
    detail = artifacts.read_json(DETAIL / f"{name}.json")
    with artifacts.validating(DETAIL / f"{name}.json"):
        test = detail["test_single_view"]["accuracy"]
    return {
        "name": name,
        "sees": sees,
        "weights": sha256(MODELS / name / artifacts.WEIGHTS_FILE),
        "precision": "float32",
        "val": round(val, artifacts.DECIMALS),
        "test": test,
        "dataset": params.data.dataset,
        "version": fer.__version__,
        "licence": LICENCE,
        "size": params.data.size,
        "landmarks": params.landmarks.model_dump(exclude={"workers"}) if sees == "landmarks" else None,
        "emotions": list(EMOTIONS),
    }
