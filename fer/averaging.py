"""The weighted mean of several models' probabilities: of recorded ones, and of those that exported files give."""

import numpy as np


def mean(answers: np.ndarray, known: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average the probabilities of several models.

    A model whose inputs had no content for a face (no landmarks were found) is left out of that face's mean, and the
    weights of the others are divided by their sum. Where nobody would be left, all models count.

    Args:
        answers: float [M, N, K], of M models for N faces.
        known: bool [M, N], whether a model's inputs had content.
        weights: float [M], of the models; none is negative, and their sum is positive.

    Returns:
        float64 [N, K].
    """
    own = np.asarray(weights, np.float64)[:, None]
    shares = own * known
    shares = np.where(shares.sum(axis=0) > 0, shares, own)
    found: np.ndarray = np.einsum("mn,mnk->nk", shares / shares.sum(axis=0), np.asarray(answers, np.float64))
    return found
