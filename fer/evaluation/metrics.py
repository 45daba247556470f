"""Every number that a model is judged by, from its probabilities and the true labels alone.

An emotion that a subset doesn't hold has no recall: it is left out of `recall`, of the mean that is the
balanced accuracy and of the mean that is the macro F1, so a small subset never yields NaN. Faces wrongly
taken for that emotion still count, as misses of their own one.
"""

from typing import Any

import numpy as np
import pandas as pd

from fer.emotions import EMOTIONS, INDEX
from fer.errors import FerError

BINS = 15
SUBSETS = ("val", "test", "test_single_view", "test_unseen", "test_combined", "test_detected")
REQUIRED = ("val", "test", "test_combined")


def labels_of(predictions: pd.DataFrame) -> np.ndarray:
    """Class indices int64 [N] of the column `emotion`.

    Raises:
        FerError: a value is not one of `EMOTIONS`.
    """
    unknown = sorted({str(emotion) for emotion in predictions["emotion"].unique()} - set(EMOTIONS))
    if unknown:
        raise FerError(f"The predictions hold unknown emotions ({', '.join(unknown)}). Run `dvc repro`.")
    return predictions["emotion"].map(INDEX).to_numpy(np.int64)


def probabilities_of(predictions: pd.DataFrame) -> np.ndarray:
    """The seven probability columns as float64 [N, 7], in the order of `EMOTIONS`.

    Raises:
        FerError: one of the columns is missing.
    """
    missing = [emotion for emotion in EMOTIONS if emotion not in predictions.columns]
    if missing:
        raise FerError(f"The predictions lack the column {missing[0]}. Delete them and run `dvc repro`.")
    return predictions[list(EMOTIONS)].to_numpy(np.float64)


def calibration(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """How often the model is right at each level of confidence (Guo et al. 2017).

    The confidence is the probability of the predicted class. Bins are equally wide and hold their upper
    edge: bin b covers (b / bins, (b + 1) / bins].

    Args:
        probabilities: float [N, 7].
        labels: int64 [N].
        bins: how many.

    Returns:
        One row per bin that holds a face: `confidence` and `accuracy` (means over its faces, 0 .. 1), `gap`
        (accuracy - confidence: negative where the model is too sure of itself) and `faces` (count).
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, bins + 1)
    index = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    faces = np.bincount(index, minlength=bins)
    used = faces > 0
    table = pd.DataFrame(
        {
            "confidence": np.bincount(index, confidence, minlength=bins)[used] / faces[used],
            "accuracy": np.bincount(index, correct, minlength=bins)[used] / faces[used],
        }
    )
    table["gap"] = table["accuracy"] - table["confidence"]
    table["faces"] = faces[used]
    return table


def accuracy_interval(hits: int, faces: int) -> tuple[float, float]:
    """95 % interval of an accuracy (Wilson 1927): how far another sample of faces could move it.

    Unlike a bootstrap it needs no draws, and it does not shrink to nothing where all or none are right.
    """
    from scipy.stats import binomtest

    interval = binomtest(hits, faces).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def measure(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """All metrics of one model on one set of faces.

    Args:
        probabilities: float [N, 7], columns in the order of `EMOTIONS`, each row with the sum 1.
        labels: int64 [N], the true classes.

    Returns:
        `accuracy`, `accuracy_low`, `accuracy_high`, `balanced_accuracy` (mean recall), `macro_f1`, `log_loss`
        (mean negative log likelihood, nats), `ece` (expected calibration error, 15 bins, Guo et al. 2017) and
        `recall` {emotion: share}. Shares are 0 .. 1; all are finite floats.

    Raises:
        FerError: there is no face, or a probability is not finite.
        ValueError: the shapes don't fit together.
    """
    from sklearn.metrics import f1_score, log_loss, recall_score

    probabilities = np.asarray(probabilities, np.float64)
    labels = np.asarray(labels, np.int64)
    if probabilities.shape != (len(labels), len(EMOTIONS)):
        raise ValueError(f"{len(labels)} labels need probabilities [N, 7], not {probabilities.shape}")
    if not len(labels):
        raise FerError("There is no face to measure a model on. Check the `split` section of params.yaml.")
    if not np.isfinite(probabilities).all():
        raise FerError("The model predicts NaN: its training diverged. Lower its `lr` and run `dvc repro`.")
    predicted = probabilities.argmax(axis=1)
    held = np.unique(labels)
    recall = recall_score(labels, predicted, labels=held, average=None)
    hits, faces = int((predicted == labels).sum()), len(labels)
    low, high = accuracy_interval(hits, faces)
    bins = calibration(probabilities, labels)
    summing_to_one = probabilities / probabilities.sum(axis=1, keepdims=True)
    return {
        "accuracy": hits / faces,
        "accuracy_low": low,
        "accuracy_high": high,
        "balanced_accuracy": float(recall.mean()),
        "macro_f1": float(f1_score(labels, predicted, labels=held, average="macro", zero_division=0)),
        "log_loss": float(log_loss(labels, summing_to_one, labels=range(len(EMOTIONS)))),
        "ece": float((bins["gap"].abs() * bins["faces"]).sum() / faces),
        "recall": {EMOTIONS[at]: float(value) for at, value in zip(held, recall, strict=True)},
    }


def report(
    predictions: pd.DataFrame, single_view: pd.DataFrame, members: dict[str, np.ndarray]
) -> dict[str, dict[str, Any]]:
    """The metrics of one model on every subset.

    Args:
        predictions: N rows of `data/predictions/<name>.parquet`: `emotion` (the true one) and seven
            probability columns named after `EMOTIONS`, made with the TTA that `evaluate.tta` asks for.
        single_view: the same N faces in the same order, seven probability columns, made without TTA.
        members: bool [N] for each of `val`, `test`, `test_combined` and, if known, `test_unseen` and
            `test_detected`: which rows belong to the subset.

    Returns:
        `measure`'s metrics for each of `SUBSETS` in that order. `test_unseen` and `test_detected` are left
        out where they hold no face.

    Raises:
        FerError: `val`, `test` or `test_combined` holds no face; and all that `measure` raises.
        ValueError: a subset is missing or unknown, or lengths differ.
    """
    _check(predictions, single_view, members)
    labels = labels_of(predictions)
    views = {"test_single_view": probabilities_of(single_view)}
    combined = probabilities_of(predictions)
    subsets = {}
    for subset in SUBSETS:
        mask = members.get("test" if subset == "test_single_view" else subset)
        if mask is None or (subset not in REQUIRED and not mask.any()):
            continue
        if not mask.any():
            raise FerError(f"{subset} holds no face. Check `data` and `split` in params.yaml.")
        subsets[subset] = measure(views.get(subset, combined)[mask], labels[mask])
    return subsets


def _check(predictions: pd.DataFrame, single_view: pd.DataFrame, members: dict[str, np.ndarray]) -> None:
    wrong = (set(REQUIRED) - set(members)) | (set(members) - set(SUBSETS)) | ({"test_single_view"} & set(members))
    if wrong:
        raise ValueError(f"members must hold {REQUIRED}, and no subset outside {SUBSETS}: {sorted(wrong)}")
    if len(single_view) != len(predictions):
        raise ValueError(f"{len(single_view)} single views for {len(predictions)} predictions")
    for subset, mask in members.items():
        if mask.dtype != bool or mask.shape != (len(predictions),):
            raise ValueError(f"the members of {subset} must be bool [{len(predictions)}]: {mask.shape}")
