"""The numbers that a model is judged by, from its probabilities and the true labels. NumPy alone.

An emotion that no face of a set shows has no recall: it is left out of `recall`, of the mean that is the balanced
accuracy, and of the mean that is the macro F1, so a small set never yields NaN. Faces that are wrongly taken for such
an emotion still count, as misses of their own.
"""

from typing import Any, Final

import numpy as np

from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.evaluation import significance

BINS: Final = 15
_SMALLEST: Final = float(np.finfo(np.float64).eps)  # the log loss of a sure and wrong answer stays finite


def calibration(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> dict[str, np.ndarray]:
    """How often the answers are right at each level of confidence (Guo et al. 2017).

    The confidence is the probability of the predicted class. Bins are equally wide and hold their upper
    edge: bin b covers (b / bins, (b + 1) / bins].

    Args:
        probabilities: float [N, 7].
        labels: int64 [N].
        bins: how many.

    Returns:
        For each bin that holds a face: `confidence` and `accuracy` (means over its faces, 0 .. 1), `gap`
        (accuracy - confidence: negative where the model is overconfident) and `faces` (count).
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, bins + 1)
    index = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    faces = np.bincount(index, minlength=bins)
    used = faces > 0
    mean_confidence = np.bincount(index, confidence, minlength=bins)[used] / faces[used]
    accuracy = np.bincount(index, correct, minlength=bins)[used] / faces[used]
    return {
        "confidence": mean_confidence,
        "accuracy": accuracy,
        "gap": accuracy - mean_confidence,
        "faces": faces[used],
    }


def measure(probabilities: np.ndarray, labels: np.ndarray, groups: np.ndarray | None = None) -> dict[str, Any]:
    """All metrics of one model on one set of faces.

    Args:
        probabilities: float [N, 7], columns in the order of `EMOTIONS`, each row with the sum 1.
        labels: int64 [N], the true classes.
        groups: int [N], the same number for all copies of a face, -1 for a face without copies; None if no face has
            any. The interval of the accuracy takes a group of copies as one piece of evidence.

    Returns:
        `accuracy`, `accuracy_low`, `accuracy_high` (95 % interval, Wilson 1927), `balanced_accuracy` (mean recall),
        `macro_f1`, `log_loss` (mean negative log likelihood, nats), `ece` (expected calibration error, 15 bins, Guo
        et al. 2017) and `recall` {emotion: share}. Shares are 0 .. 1; all are finite floats.

    Raises:
        FerError: there is no face, or a probability is not finite.
        ValueError: the shapes don't fit together.
    """
    probabilities = np.asarray(probabilities, np.float64)
    labels = np.asarray(labels, np.int64)
    if probabilities.shape != (len(labels), len(EMOTIONS)):
        raise ValueError(f"{len(labels)} labels need probabilities [N, 7], not {probabilities.shape}")
    if not len(labels):
        raise FerError("There is no face to measure a model on. Check the `split` section of params.yaml.")
    if not np.isfinite(probabilities).all():
        raise FerError("The model predicts NaN: its training diverged. Lower its `lr` and run `dvc repro`.")
    predicted = probabilities.argmax(axis=1)
    classes = len(EMOTIONS)
    confusion = np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)
    hits, actual, answered = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    present = actual > 0
    recall = hits[present] / actual[present]
    f1 = 2 * hits[present] / (actual + answered)[present]
    accuracy = float(hits.sum() / len(labels))
    evidence = float(len(labels)) if groups is None else significance.effective_size(groups)
    low, high = significance.accuracy_interval(accuracy, evidence)
    of_the_truth = probabilities[np.arange(len(labels)), labels] / probabilities.sum(axis=1)
    bins = calibration(probabilities, labels)
    return {
        "accuracy": accuracy,
        "accuracy_low": low,
        "accuracy_high": high,
        "balanced_accuracy": float(recall.mean()),
        "macro_f1": float(f1.mean()),
        "log_loss": float(-np.log(np.clip(of_the_truth, _SMALLEST, 1)).mean()),
        "ece": float((np.abs(bins["gap"]) * bins["faces"]).sum() / len(labels)),
        "recall": dict(zip(np.array(EMOTIONS)[present].tolist(), recall.tolist(), strict=True)),
    }
