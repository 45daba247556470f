"""One trained model on every face that is not trained on."""

from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import torch

from fer import artifacts, device
from fer.config import Params
from fer.data import splits
from fer.data.faces import Faces
from fer.emotions import EMOTIONS
from fer.evaluation import metrics, predict
from fer.models import inputs, parameter_count


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
        The predictions (`name`, `split`, `emotion`, seven probabilities with TTA), the content of
        `metrics/<name>.json`, and which rows of the predictions belong to test, bool.

    Raises:
        FerError: an artefact is missing or damaged, or a subset holds no face.
    """
    faces = Faces.load(data / "faces")
    table = artifacts.read_table(data / "splits.csv")
    members = splits.members(table, params.split.protocol)
    del members["train"]
    rows = np.unique(np.concatenate(list(members.values())))

    model = predict.Model.load(trained / name)
    values = inputs.load(name, data)
    if name != "cnn":
        members["test_detected"] = np.intersect1d(members["test"], np.flatnonzero(inputs.known(values)))
    looks = predict.views(name, params.evaluate.tta, params.evaluate.views)
    place = torch.device(device.choose(params.train.device))
    found = predict.probabilities(model, values[rows], looks, params.evaluate.batch_size, place)
    with click.progressbar(found, length=len(looks), label=f"{name}: views of {len(rows):,} faces") as bar:
        by_view = list(bar)

    scored = table.loc[rows, ["name", "split"]].reset_index(drop=True)
    scored["emotion"] = faces.table["emotion"].to_numpy()[rows]
    predictions = scored.join(pd.DataFrame(np.mean(by_view, axis=0, dtype=np.float64), columns=list(EMOTIONS)))
    single_view = scored.join(pd.DataFrame(by_view[0], columns=list(EMOTIONS)))
    masks = {subset: np.isin(rows, chosen) for subset, chosen in members.items()}
    measured = {
        "parameters": parameter_count(model.network),
        "training": artifacts.read_json(trained / name / "training.json"),
        **metrics.report(predictions, single_view, masks, params.evaluate.bootstrap),
    }
    return predictions, measured, masks["test"]
