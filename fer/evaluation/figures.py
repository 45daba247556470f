"""Tables that DVC's plot templates draw: confusion, recall per emotion and reliability of one model.

Each table names its model in a column, so that one DVC plot can read the files of several models, and each
model can be measured without the others.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from fer import artifacts
from fer.emotions import EMOTIONS
from fer.evaluation import metrics


def confusion_table(model: str, test: pd.DataFrame) -> pd.DataFrame:
    """One row a test face: `model`, `actual`, `predicted`, for DVC's two confusion templates."""
    predicted = np.array(EMOTIONS)[metrics.probabilities_of(test).argmax(axis=1)]
    return pd.DataFrame({"model": model, "actual": test["emotion"].to_numpy(), "predicted": predicted})


def recall_table(model: str, test: pd.DataFrame) -> pd.DataFrame:
    """One row an emotion that test holds: `model`, `emotion`, `recall` (share), `faces` (count)."""
    table = metrics.confusion(metrics.probabilities_of(test).argmax(axis=1), metrics.labels_of(test))
    counts = table.sum(axis=1)
    held = counts > 0
    recall = np.diag(table)[held] / counts[held]
    return pd.DataFrame(
        {
            "model": model,
            "emotion": np.array(EMOTIONS)[held],
            "recall": recall.round(4),
            "faces": counts[held],
        }
    )


def reliability_table(model: str, test: pd.DataFrame) -> pd.DataFrame:
    """One row a used bin of confidence: `model` and the columns of `metrics.calibration`."""
    table = metrics.calibration(metrics.probabilities_of(test), metrics.labels_of(test)).round(4)
    table.insert(0, "model", model)
    return table


def write_model_plots(folder: Path | str, model: str, test: pd.DataFrame) -> None:
    """Write `confusion.csv`, `recall.csv` and `reliability.csv` of one model.

    Args:
        folder: `plots/evaluation/<model>`; emptied first.
        model: its name.
        test: the test rows of its predictions, with TTA.
    """
    folder = artifacts.clean_folder(folder)
    artifacts.write_table(folder / "confusion.csv", confusion_table(model, test))
    artifacts.write_table(folder / "recall.csv", recall_table(model, test))
    artifacts.write_table(folder / "reliability.csv", reliability_table(model, test))
