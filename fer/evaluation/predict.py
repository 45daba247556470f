"""From a trained model to its probabilities, in one view of a face and averaged over several views."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from fer import artifacts, config, device, inputs, models, paths, progress
from fer.data import splits
from fer.data.faces import Faces
from fer.evaluation import predictions
from fer.evaluation.predictions import Predictions
from fer.inputs.poses import Pose
from fer.models.base import FaceModel

# What a layer makes of so many faces stays in a processor's cache: 1.8 times as fast as 256 faces with EfficientNet-B0.
LARGEST_BATCH_ON_CPU = 32


def predict(name: str, params: config.Params, data: Path = paths.DATA, trained: Path = paths.MODELS) -> Predictions:
    """What a trained model answers for every face of val and test.

    Args:
        name: of the model.
        params: `evaluate`, `split.protocol` and `train.device` are used.
        data: the pipeline's data.
        trained: the folder of the models' folders.

    Returns:
        The faces of val, test and test_combined. A face for which an input has no content is predicted like any
        other, and is not `known`.

    Raises:
        FerError: an artefact is missing or damaged.
    """
    table = splits.read(data / "splits.csv", len(Faces.load(data / "faces")))
    members = splits.members(table, params.split.protocol)
    rows = np.unique(np.concatenate([chosen for subset, chosen in members.items() if subset != "train"]))
    network, trained_with = models.load(trained / name, name)
    with artifacts.validating(trained / name):
        epochs = {key: int(trained_with[key]) for key in ("epochs", "best_epoch")}
    poses = views(network, params.evaluate)
    answers = _predict(name, network, rows, table, poses, params, data)
    return Predictions(answers.table, {**answers.metadata, **epochs, "views": len(poses)})


def predict_train(name: str, params: config.Params) -> Predictions:
    """What a trained model answers for every face of train, seen as it is and mirrored.

    Args:
        name: of the model.
        params: `evaluate.batch_size` and `train.device` are used; the views are no parameter, since a student learns
            from these answers.

    Raises:
        FerError: an artefact is missing or damaged.
    """
    table = splits.read(paths.SPLITS, len(Faces.load(paths.FACES)))
    network, _ = models.load(paths.MODELS / name, name)
    rows = np.flatnonzero(table["split"] == "train")
    return _predict(name, network, rows, table, inputs.poses(network.inputs)[:2], params, paths.DATA)


def _predict(
    name: str,
    network: FaceModel,
    rows: np.ndarray,
    table: pd.DataFrame,
    poses: Sequence[Pose],
    params: config.Params,
    data: Path,
) -> Predictions:
    values = inputs.select(inputs.load(network.inputs, data), rows)
    where = torch.device(device.choose(params.train.device))
    by_view = []
    with progress.bar(f"{name}: views of {len(rows):,} faces", total=len(poses)) as advance:
        for answers in probabilities(network, values, poses, params.evaluate.batch_size, where):
            by_view.append(answers)
            advance()
    emotions = Faces.load(data / "faces").table["emotion"].to_numpy()[rows]
    scored = table.loc[rows, ["row", "name", "split"]].assign(emotion=emotions)
    about = {"parameters": models.parameter_count(network), "temperature": network.temperature}
    averaged = np.stack(by_view).mean(axis=0, dtype=np.float64)
    return predictions.make(scored, averaged, by_view[0], np.asarray(inputs.known(values)), about)


def views(network: FaceModel, settings: config.Evaluate) -> tuple[Pose, ...]:
    """The test-time views over which a network's answers are averaged; the first is the face as it is.

    Args:
        network: its inputs decide which views differ.
        settings: the section `evaluate`: `tta` and, for `full`, `views`.
    """
    count = {"none": 1, "flip": 2, "full": settings.views}[settings.tta]
    return inputs.poses(network.inputs)[:count]


def probabilities(
    network: FaceModel, values: Mapping[str, np.ndarray], poses: Sequence[Pose], batch: int, where: torch.device
) -> Iterator[np.ndarray]:
    """Class probabilities in each view, one array float32 [N, 7] a view, computed in float32.

    Args:
        network: in evaluation mode; it is moved to the device.
        values: the inputs of N faces.
        poses: the views.
        batch: faces at a time, at most.
        where: the device on which the network runs.
    """
    network = network.to(where)
    batch = min(batch, LARGEST_BATCH_ON_CPU) if where.type == "cpu" else batch
    count = len(next(iter(values.values())))
    for pose in poses:
        parts = []
        with torch.inference_mode(), full_precision():
            for start in range(0, count, batch):
                part = inputs.to_tensors(inputs.select(values, slice(start, start + batch)), where)
                parts.append(network.probabilities(**inputs.view(part, pose, network)).cpu())
        yield torch.cat(parts).numpy()


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Compute products and convolutions of float32 numbers in float32 while the block runs.

    By default a GPU rounds the inputs of convolutions to TF32, which keeps 10 bits of the 23.
    """
    backends: Any = torch.backends
    kinds = [
        backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn,
        backends.mkldnn.matmul, backends.mkldnn.conv, backends.mkldnn.rnn,
    ]  # fmt: skip
    before = [kind.fp32_precision for kind in kinds]
    try:
        for kind in kinds:
            kind.fp32_precision = "ieee"
        yield
    finally:
        for kind, precision in zip(kinds, before, strict=True):
            kind.fp32_precision = precision
