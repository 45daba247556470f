"""Tables that DVC's plot templates draw: confusion, recall per emotion and reliability.

Each model writes what it alone can know, one file a model: `plots/confusion/<model>.csv` and
`plots/reliability/<model>.csv`. `compare` puts what belongs into one picture into one table, which names the model
in a column.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from fer import artifacts
from fer.emotions import EMOTIONS
from fer.evaluation import metrics

PLOTS = Path("plots")


def confusion_table(test: pd.DataFrame) -> pd.DataFrame:
    """One row a test face: `row` (of the face in `data/faces`), `actual`, `predicted`.

    Args:
        test: the test rows of a model's predictions, with these rows as their index.
    """
    predicted = np.array(EMOTIONS)[metrics.probabilities_of(test).argmax(axis=1)]
    return pd.DataFrame({"row": test.index, "actual": test["emotion"].to_numpy(), "predicted": predicted})


def recall_table(tests: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a model and emotion that test holds: `model`, `emotion`, `recall` (share), `faces` (count).

    Args:
        tests: by model, a table of test faces with `actual` and `predicted`.
    """
    rows = []
    for model, test in tests.items():
        for emotion in EMOTIONS:
            right = (test["predicted"] == emotion)[test["actual"] == emotion]
            if len(right):
                rows.append((model, emotion, round(float(right.mean()), artifacts.DECIMALS), len(right)))
    return pd.DataFrame(rows, columns=["model", "emotion", "recall", "faces"])


def reliability_table(test: pd.DataFrame) -> pd.DataFrame:
    """One row a used bin of confidence, with the columns of `metrics.calibration`.

    Args:
        test: the test rows of a model's predictions.
    """
    return metrics.calibration(metrics.probabilities_of(test), metrics.labels_of(test)).round(artifacts.DECIMALS)


def write_model(model: str, test: pd.DataFrame) -> None:
    """Write the tables of one model.

    Args:
        model: its name.
        test: the test rows of its predictions, with TTA.
    """
    artifacts.write_table(PLOTS / f"confusion/{model}.csv", confusion_table(test))
    artifacts.write_table(PLOTS / f"reliability/{model}.csv", reliability_table(test))


def write_comparison(folder: Path, tests: Mapping[str, pd.DataFrame]) -> None:
    """Write `recall.csv` and `reliability.csv` of all models.

    Args:
        folder: where to.
        tests: by model, a table of test faces with `actual` and `predicted`.
    """
    artifacts.write_table(folder / "recall.csv", recall_table(tests))
    reliability = {model: artifacts.read_table(PLOTS / f"reliability/{model}.csv") for model in tests}
    table = pd.concat(reliability, names=["model"]).reset_index("model")
    artifacts.write_table(folder / "reliability.csv", table)
