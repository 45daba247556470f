"""How sure an accuracy, and a difference between two models, is.

FER2013 holds copies of some faces. A model answers copies alike, so they are not independent evidence. Every accuracy
counts each face, but everything here takes a group of copies as one unit of evidence: the interval of an accuracy, the
interval of a difference, and the test of a difference. Without copies they are Wilson's interval, the ordinary
bootstrap and McNemar's exact test.
"""

import sys
from collections.abc import Sequence
from math import comb

import numpy as np

_Z = 1.959963984540054  # of the normal distribution: 95 % lie within so many standard deviations


def units(groups: np.ndarray) -> np.ndarray:
    """Number the units of evidence: each group of copies is one, and so is each face without copies.

    Args:
        groups: int [N], the same number for all copies of a face, -1 for a face without copies.

    Returns:
        The unit of each face, int64 [N], counted from 0 without gaps.
    """
    single = groups < 0
    numbers = np.where(single, groups.max(initial=0) + 1 + np.arange(len(groups)), groups)
    return np.unique(numbers, return_inverse=True)[1].reshape(-1)


def effective_size(groups: np.ndarray) -> float:
    """The number of independent faces that carry as much evidence as these (Kish 1965).

    It takes copies to be answered alike, which errs on the safe side where a model answers them differently.

    Args:
        groups: as for `units`, at least one face.
    """
    sizes = np.bincount(units(groups))
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def accuracy_interval(accuracy: float, faces: float) -> tuple[float, float]:
    """95 % interval of an accuracy (Wilson 1927): how far another sample of faces could move it.

    Unlike a bootstrap it needs no draws, and it does not shrink to nothing where all or none are right.

    Args:
        accuracy: share of right answers.
        faces: how many faces, or their `effective_size`.
    """
    middle = accuracy + _Z**2 / (2 * faces)
    half = _Z * float(np.sqrt(accuracy * (1 - accuracy) / faces + _Z**2 / (4 * faces**2)))
    scale = 1 + _Z**2 / faces
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def difference_interval(gain: np.ndarray, groups: np.ndarray, bootstrap: int, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval (Efron 1979) of a difference of accuracies. Groups of copies are drawn as a whole.

    Args:
        gain: int [N], +1 where only the second model is right, -1 where only the first is, else 0.
        groups: as for `units`.
        bootstrap: number of resamples.
        seed: of the resamples.
    """
    unit = units(groups)
    gains, faces = np.bincount(unit, gain), np.bincount(unit)
    generator = np.random.default_rng(seed)
    differences = []
    for _ in range(bootstrap):
        drawn = generator.integers(len(faces), size=len(faces))
        differences.append(gains[drawn].sum() / faces[drawn].sum())
    low, high = np.percentile(differences, [2.5, 97.5])
    return float(low), float(high)


def mcnemar(gain: np.ndarray, groups: np.ndarray) -> float:
    """Exact two-sided p-value of McNemar's test (1947), with groups of copies as units.

    Under the null hypothesis the two models could change places on any unit without changing the odds: the sum of the
    gains of each unit has either sign with chance 1/2 (Fisher's randomization test of paired samples, 1935). The
    p-value is the chance of a total at least as far from 0 as the one observed, computed over all assignments of signs.
    Where each unit is one face, this is the binomial test on the discordant faces, which is McNemar's.

    Args:
        gain: as for `difference_interval`.
        groups: as for `units`.
    """
    sums = np.bincount(units(groups), gain).astype(int)
    observed = abs(int(sums.sum()))
    sizes, counts = np.unique(np.abs(sums[sums != 0]), return_counts=True)
    # How many assignments of signs give each total. Integers of any size: nothing is rounded.
    ways = {0: 1}
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        added: dict[int, int] = {}
        for total, number in ways.items():
            for positive in range(count + 1):
                key = total + size * (2 * positive - count)
                added[key] = added.get(key, 0) + number * comb(count, positive)
        ways = added
    extreme = sum(number for total, number in ways.items() if abs(total) >= observed)
    # A chance that is too small for a float is still not 0.
    return max(extreme / 2 ** int(counts.sum()), sys.float_info.min)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): the chance of any false alarm stays at the level of one test."""
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return [float(value) for value in adjusted]
