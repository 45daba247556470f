"""Intervals and tests against textbook values and simulations; groups of copies are one piece of evidence."""

from itertools import product

import numpy as np
import pytest

from fer.evaluation import significance


def no_copies(faces: int) -> np.ndarray:
    """Groups of copies of a set without any."""
    return np.full(faces, -1)


def gains(first: int, second: int, equal: int = 10) -> np.ndarray:
    """Faces that only the first model recognises, only the second, and both or neither."""
    return np.repeat([-1, 1, 0], [first, second, equal])


def test_units_number_groups_and_single_faces() -> None:
    unit = significance.units(np.array([7, -1, 3, 7, -1, 3, 7]))
    assert unit[0] == unit[3] == unit[6]
    assert unit[2] == unit[5]
    assert sorted(set(unit.tolist())) == [0, 1, 2, 3]


def test_the_effective_size_counts_equal_groups_once() -> None:
    assert significance.effective_size(no_copies(9)) == 9
    assert significance.effective_size(np.arange(40) // 10) == pytest.approx(4)
    # Kish: the square of the sum of the sizes by the sum of their squares.
    assert significance.effective_size(np.array([-1, -1, 5, 5])) == pytest.approx(16 / (1 + 1 + 4))


def test_the_interval_is_wilson_s() -> None:
    """Wilson 1927: the shares that the score test does not reject."""
    from scipy.stats import binomtest

    for hits, faces in ((260, 400), (0, 30), (30, 30), (1, 2)):
        expected = binomtest(hits, faces).proportion_ci(0.95, method="wilson")
        assert significance.accuracy_interval(hits / faces, faces) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("copies", [1, 8])
def test_the_interval_covers_the_truth_about_95_times_in_100(copies: int) -> None:
    groups = np.arange(200 * copies) // copies
    size = significance.effective_size(groups)
    hits = np.random.default_rng(0).binomial(200, 0.7, 600) * copies
    intervals = [significance.accuracy_interval(count / len(groups), size) for count in hits]
    assert 0.92 < np.mean([low <= 0.7 <= high for low, high in intervals]) < 0.98


@pytest.mark.parametrize(("first", "second"), [(0, 0), (5, 5), (3, 14), (120, 80), (1, 0), (0, 9)])
def test_without_copies_the_test_is_mcnemar_s(first: int, second: int) -> None:
    from scipy.stats import binom

    gain = gains(first, second)
    expected = min(1.0, 2 * binom.cdf(min(first, second), first + second, 0.5))
    assert significance.mcnemar(gain, no_copies(len(gain))) == pytest.approx(expected)
    assert significance.mcnemar(-gain, no_copies(len(gain))) == pytest.approx(expected)


def test_mcnemar_of_the_textbook_sign_test() -> None:
    # 0 of 6 discordant faces: 2 / 2^6.
    assert significance.mcnemar(gains(0, 6), no_copies(16)) == pytest.approx(0.03125)
    assert significance.mcnemar(gains(100, 2900), no_copies(3010)) > 0


def test_with_copies_every_assignment_of_signs_is_counted() -> None:
    gain = np.array([1, 1, 1, -1, -1, 1, 1, -1, 0, 1])
    groups = np.array([4, 4, 4, 7, 7, 7, -1, -1, -1, -1])
    sums = [3, -1, 1, -1, 1]
    totals = [sum(s * g for s, g in zip(signs, sums, strict=True)) for signs in product([-1, 1], repeat=5)]
    expected = np.mean([abs(total) >= abs(sum(sums)) for total in totals])
    assert significance.mcnemar(gain, groups) == pytest.approx(expected)


def test_copies_are_no_further_evidence() -> None:
    gain = gains(5, 12)
    once = significance.mcnemar(gain, no_copies(len(gain)))
    copied, groups = np.repeat(gain, 4), np.repeat(np.arange(len(gain)), 4)
    assert significance.mcnemar(copied, groups) == pytest.approx(once)
    assert significance.mcnemar(copied, no_copies(len(copied))) < once / 10


def test_equal_models_raise_a_false_alarm_about_5_times_in_100_despite_copies() -> None:
    """Six copies a face: a test that took each for evidence would raise an alarm in every second case."""
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(60), 6)
    each = [np.repeat(rng.integers(-1, 2, 60), 6) for _ in range(400)]
    alarms = np.mean([significance.mcnemar(gain, groups) < 0.05 for gain in each])
    naive = np.mean([significance.mcnemar(gain, no_copies(360)) < 0.05 for gain in each])
    assert alarms < 0.07
    assert naive > 0.3


def test_the_difference_interval_agrees_with_resampling_face_by_face() -> None:
    gain = gains(40, 90, 270)
    resampled = gain[np.random.default_rng(5).integers(400, size=(20_000, 400))].mean(axis=1)
    found = significance.difference_interval(gain, no_copies(400), 4_000)
    assert found == pytest.approx(tuple(np.percentile(resampled, [2.5, 97.5])), abs=0.006)


def test_copies_widen_the_difference_interval() -> None:
    gain = gains(40, 90, 270)
    single = significance.difference_interval(gain, no_copies(400), 2_000)
    tens = significance.difference_interval(gain, np.arange(400) // 10, 2_000)
    # Ten copies are one piece of evidence: the interval grows by the root of ten.
    assert (tens[1] - tens[0]) / (single[1] - single[0]) == pytest.approx(10**0.5, rel=0.1)


def test_holm_by_hand() -> None:
    # 0.01 x 4, then 0.02 x 3, 0.03 x 2 (raised to the one before), 0.5 x 1.
    assert significance.holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert significance.holm([0.9, 0.8]) == [1.0, 1.0]
    assert significance.holm([]) == []
