"""Tables of predictions and splits that tests of the evaluation make."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fer.emotions import EMOTIONS
from fer.evaluation import predictions
from fer.evaluation.predictions import Predictions

SHARE = [0.14, 0.015, 0.14, 0.25, 0.17, 0.165, 0.12]


def noisy(faces: int = 600, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A model that is often right: probabilities [N, 7] and labels [N], every emotion among them."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(7), rng.choice(7, faces - 7, p=SHARE)])
    logits = rng.normal(size=(faces, 7)) * 1.5
    logits[np.arange(faces), labels] += 2
    odds = np.exp(logits)
    return odds / odds.sum(axis=1, keepdims=True), labels


def one_hot(predicted: np.ndarray | list[int], confidence: float = 1.0) -> np.ndarray:
    """Probabilities [N, 7] that give `confidence` to the predicted class and share the rest."""
    probabilities = np.full((len(predicted), 7), (1 - confidence) / 6)
    probabilities[np.arange(len(predicted)), predicted] = confidence
    return probabilities


def splits_table(
    splits: np.ndarray, groups: np.ndarray | None = None, unseen: np.ndarray | None = None
) -> pd.DataFrame:
    """The content of `data/splits.csv`, all test faces unseen unless told otherwise."""
    count = len(splits)
    return pd.DataFrame(
        {
            "name": [f"face{row:05d}" for row in range(count)],
            "row": np.arange(count),
            "split": splits,
            "reason": "",
            "duplicate_group": np.full(count, -1) if groups is None else groups,
            "unseen": (splits == "test") if unseen is None else unseen,
        }
    )


def predicted(
    probabilities: np.ndarray,
    labels: np.ndarray,
    splits: np.ndarray,
    single_view: np.ndarray | None = None,
    known: np.ndarray | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Predictions:
    """The predictions of a data set whose faces are all in val and test."""
    faces = pd.DataFrame(
        {
            "row": np.arange(len(labels)),
            "name": [f"face{row:05d}" for row in range(len(labels))],
            "split": splits,
            "emotion": np.array(EMOTIONS)[labels],
        }
    )
    known = np.ones(len(labels), bool) if known is None else known
    return predictions.make(faces, probabilities, single_view, known, metadata or {})
