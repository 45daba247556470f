"""Tables that DVC's plot templates draw: confusion, recall per emotion and reliability.

`measure` writes one file a model: `plots/confusion/<name>.csv` and `plots/reliability/<name>.csv`. `compare` writes
the tables of plots that show all models; a column names the model.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from fer import artifacts, paths
from fer.emotions import EMOTIONS
from fer.evaluation import metrics
from fer.evaluation.predictions import Predictions

CONFUSION = paths.PLOTS / "confusion"
RELIABILITY = paths.PLOTS / "reliability"


def confusion_table(test: Predictions) -> pd.DataFrame:
    """One row a test face: `row` (of the face in `data/faces`), `actual`, `predicted`."""
    predicted = np.array(EMOTIONS)[test.probabilities.argmax(axis=1)]
    return pd.DataFrame({"row": test.rows, "actual": test.table["emotion"].to_numpy(), "predicted": predicted})


def recall_table(answers: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a model and emotion that test holds: `model`, `emotion`, `recall` (share), `faces` (count).

    Args:
        answers: the confusion table of each model.
    """
    rows = []
    for model, table in answers.items():
        for emotion in EMOTIONS:
            right = (table["predicted"] == emotion)[table["actual"] == emotion]
            if len(right):
                rows.append((model, emotion, round(float(right.mean()), artifacts.DECIMALS), len(right)))
    return pd.DataFrame(rows, columns=["model", "emotion", "recall", "faces"])


def reliability_table(test: Predictions) -> pd.DataFrame:
    """One row for each level of confidence that occurs, with the columns of `metrics.calibration`."""
    return pd.DataFrame(metrics.calibration(test.probabilities, test.labels)).round(artifacts.DECIMALS)


def write_model(name: str, test: Predictions) -> None:
    """Write the tables of one model.

    Args:
        name: of the model.
        test: its predictions of the test faces.
    """
    artifacts.write_table(CONFUSION / f"{name}.csv", confusion_table(test))
    artifacts.write_table(RELIABILITY / f"{name}.csv", reliability_table(test))


def write_comparison(folder: Path, answers: Mapping[str, pd.DataFrame]) -> None:
    """Write `recall.csv` and `reliability.csv` of all models.

    Args:
        folder: where to.
        answers: the confusion table of each model.
    """
    artifacts.write_table(folder / "recall.csv", recall_table(answers))
    reliability = {model: artifacts.read_table(RELIABILITY / f"{model}.csv") for model in answers}
    table = pd.concat(reliability, names=["model"]).reset_index("model")
    artifacts.write_table(folder / "reliability.csv", table)
