"""The metrics of one model on every set of faces that is reported, from its predictions and the data's splits alone."""

from typing import Any, Final

import numpy as np
import pandas as pd

from fer.data import splits
from fer.errors import FerError
from fer.evaluation import metrics
from fer.evaluation.predictions import Predictions

SUBSETS: Final = (
    "val",
    "val_single_view",
    "test",
    "test_single_view",
    "test_unseen",
    "test_combined",
    "test_detected",
)
"""The sets in the order of `metrics/test/<name>.json`. A set that can't be measured is left out."""

REQUIRED: Final = ("val", "test")
ABOUT_THE_MODEL: Final = ("parameters", "temperature", "epochs", "best_epoch", "views", "members", "equal_weights")
_SINGLE_VIEW: Final = "_single_view"


def measure(predictions: Predictions, table: pd.DataFrame, protocol: str) -> dict[str, Any]:
    """The content of `metrics/test/<name>.json`.

    Args:
        predictions: of the model.
        table: the splits of the data set, as `fer.data.splits.read` gives them.
        protocol: `split.protocol`.

    Returns:
        Those of `ABOUT_THE_MODEL` that the predictions' metadata hold, then for each of `SUBSETS` what
        `metrics.measure` tells. Of the optional sets are left out: the single views, if the predictions do not hold
        them; any other that has no face, or of which the predictions lack a face; and `test_detected`, if every
        test face is `known`.

    Raises:
        FerError: the predictions belong to other splits, or lack a face of val or test.
    """
    rows, labels = predictions.rows, predictions.labels
    groups = table["duplicate_group"].to_numpy(np.int64)
    _check_splits(predictions, table)
    members = splits.members(table, protocol)
    known = np.isin(members["test"], rows[predictions.known])
    if not known.all():
        members["test_detected"] = members["test"][known]
    report: dict[str, Any] = {key: predictions.metadata[key] for key in ABOUT_THE_MODEL if key in predictions.metadata}
    for subset in SUBSETS:
        chosen = members.get(subset.removesuffix(_SINGLE_VIEW), np.empty(0, np.int64))
        there = np.isin(rows, chosen)
        lacking = len(chosen) - int(there.sum())
        if subset in REQUIRED and (lacking or not len(chosen)):
            raise FerError(
                f"The predictions lack {lacking:,} of the {len(chosen):,} faces of {subset}. Run `dvc repro`."
                if lacking
                else f"{subset} holds no face. Check `data` and `split` in params.yaml."
            )
        values = predictions.single_view if subset.endswith(_SINGLE_VIEW) else predictions.probabilities
        if lacking or not there.any() or values is None:
            continue
        report[subset] = metrics.measure(values[there], labels[there], groups[rows[there]])
    return report


def selection(report: dict[str, Any]) -> dict[str, float]:
    """The content of `metrics/<name>.json`, which DVC's tables show: what a person may choose by, so val alone.

    Args:
        report: what `measure` returns.
    """
    val = report["val"]
    accuracies = {name: report[name]["accuracy"] for name in ("val", "val_single_view") if name in report}
    return accuracies | {name: val[name] for name in ("balanced_accuracy", "log_loss")}


def on_test(predictions: Predictions, table: pd.DataFrame, protocol: str) -> Predictions:
    """The predictions of the test faces alone."""
    test = np.isin(predictions.rows, splits.members(table, protocol)["test"])
    return Predictions(predictions.table[test], predictions.metadata)


def _check_splits(predictions: Predictions, table: pd.DataFrame) -> None:
    rows = predictions.rows
    if len(rows) and (rows[0] < 0 or rows[-1] >= len(table)):
        raise FerError(f"The predictions name faces that the {len(table):,} faces of the data set do not hold.")
    other = int((predictions.table["split"].to_numpy(str) != table["split"].to_numpy(str)[rows]).sum())
    if other:
        raise FerError(
            f"{other:,} faces are in another split than when they were predicted. Run `dvc repro`; if you brought "
            "the predictions, take `split` from data/splits.csv."
        )
