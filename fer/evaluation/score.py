"""One trained model on every face that is not trained on."""

from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import torch

from fer import artifacts, device, models
from fer.config import Params
from fer.data import splits
from fer.data.faces import Faces
from fer.emotions import EMOTIONS
from fer.evaluation import metrics, predict
from fer.models import inputs

# What DVC knows as metrics; the rest is in the detail.
ACCURACIES = ("val", "test", "test_unseen", "test_single_view")
TEST_MEASURES = ("balanced_accuracy", "log_loss")


def score(
    name: str, params: Params, data: Path = Path("data"), trained: Path = Path("models")
) -> tuple[pd.DataFrame, dict[str, Any], np.ndarray]:
    """Predict and measure.

    Args:
        name: of the model.
        params: `evaluate`, `split.protocol` and `train.device` are used.
        data: the pipeline's data.
        trained: the folder of the models' folders.

    Returns:
        The predictions (`name`, `split`, `emotion`, seven probabilities with TTA; the index is the face's row in
        `data/faces`), the content of `metrics/detail/<name>.json`, and which predictions belong to test, bool.

    Raises:
        FerError: an artefact is missing or damaged, or a subset holds no face.
    """
    faces = Faces.load(data / "faces")
    table = splits.read(data / "splits.csv", len(faces))
    members = splits.members(table, params.split.protocol)
    del members["train"]
    rows = np.unique(np.concatenate(list(members.values())))

    network, trained_with = models.load(trained / name)
    values = inputs.load(network.sees, data)
    if network.sees == "landmarks":
        members["test_detected"] = np.intersect1d(members["test"], np.flatnonzero(inputs.known(values)))
    views = network.views(params.evaluate.tta, params.evaluate.views)
    place = torch.device(device.choose(params.train.device))
    found = predict.probabilities(network, values[rows], views, params.evaluate.batch_size, place)
    with click.progressbar(found, length=len(views), label=f"{name}: views of {len(rows):,} faces") as bar:
        by_view = list(bar)

    scored = table.loc[rows, ["name", "split"]]
    scored["emotion"] = faces.table["emotion"].to_numpy()[rows]
    averaged = np.mean(by_view, axis=0, dtype=np.float64)
    predictions, single_view = (
        scored.join(pd.DataFrame(found, rows, list(EMOTIONS))) for found in (averaged, by_view[0])
    )
    masks = {subset: np.isin(rows, chosen) for subset, chosen in members.items()}
    with artifacts.validating(trained / name):
        epochs = {key: int(trained_with[key]) for key in ("epochs", "best_epoch")}
    measured = {
        "parameters": models.parameter_count(network),
        **epochs,
        "views": len(views),
        **metrics.report(predictions, single_view, masks),
    }
    return predictions, measured, masks["test"]


def headline(measured: dict[str, Any]) -> dict[str, float]:
    """The handful of numbers that DVC's tables show: accuracies of some subsets, and two measures of test."""
    accuracies = {subset: measured[subset]["accuracy"] for subset in ACCURACIES if subset in measured}
    return accuracies | {measure: measured["test"][measure] for measure in TEST_MEASURES}
