"""Metrics against values worked out by hand, and against scikit-learn."""

import numpy as np
import pytest

from fer.emotions import EMOTIONS, INDEX
from fer.errors import FerError
from fer.evaluation import metrics, significance
from tests.evaluation.tables import noisy, one_hot


def test_a_small_case_by_hand() -> None:
    angry, happy, sad = INDEX["angry"], INDEX["happy"], INDEX["sad"]
    labels = np.array([angry, angry, angry, happy, sad])
    found = metrics.measure(one_hot([angry, angry, happy, happy, happy], 0.7), labels)
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["recall"] == pytest.approx({"angry": 2 / 3, "happy": 1, "sad": 0})
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1 + 0) / 3)
    # F1 = 2 tp / (predicted + actual): angry 4 / 5, happy 2 / 4, sad 0.
    assert found["macro_f1"] == pytest.approx((4 / 5 + 2 / 4 + 0) / 3)
    assert found["log_loss"] == pytest.approx(-(3 * np.log(0.7) + 2 * np.log(0.05)) / 5)
    # One bin holds all faces: right 60 % of the time, sure at 70 %.
    assert found["ece"] == pytest.approx(0.1)


def test_the_metrics_agree_with_scikit_learn_s_own_averages() -> None:
    from sklearn import metrics as sklearn

    probabilities, labels = noisy()
    predicted = probabilities.argmax(axis=1)
    found = metrics.measure(probabilities, labels)
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(labels, predicted))
    assert found["balanced_accuracy"] == pytest.approx(sklearn.balanced_accuracy_score(labels, predicted))
    assert found["macro_f1"] == pytest.approx(sklearn.f1_score(labels, predicted, average="macro"))
    assert found["log_loss"] == pytest.approx(sklearn.log_loss(labels, probabilities, labels=range(7)))
    recall = sklearn.recall_score(labels, predicted, average=None)
    assert list(found["recall"]) == list(EMOTIONS)
    np.testing.assert_allclose(list(found["recall"].values()), recall)


def test_the_calibration_error_agrees_with_its_definition() -> None:
    """Guo et al. 2017, equation 3, written out face by face."""
    probabilities, labels = noisy()
    expected = 0.0
    for edge in range(15):
        inside = [
            (float(row.max()), row.argmax() == label)
            for row, label in zip(probabilities, labels, strict=True)
            if edge / 15 < row.max() <= (edge + 1) / 15
        ]
        if inside:
            confidence, right = (sum(column) / len(inside) for column in zip(*inside, strict=True))
            expected += len(inside) / len(labels) * abs(right - confidence)
    assert expected > 0.01
    assert metrics.measure(probabilities, labels)["ece"] == pytest.approx(expected)


def test_calibration_bins_account_for_every_face() -> None:
    probabilities, labels = noisy()
    bins = metrics.calibration(probabilities, labels)
    assert bins["faces"].sum() == len(labels)
    assert (bins["accuracy"] * bins["faces"]).sum() == pytest.approx((probabilities.argmax(axis=1) == labels).sum())
    assert (bins["confidence"] * bins["faces"]).sum() == pytest.approx(probabilities.max(axis=1).sum())
    assert (np.diff(bins["confidence"]) > 0).all()


def test_a_perfect_predictor() -> None:
    labels = np.arange(7).repeat(3)
    found = metrics.measure(one_hot(list(labels)), labels)
    assert all(found[key] == 1 for key in ("accuracy", "accuracy_high", "macro_f1"))
    assert 0.8 < found["accuracy_low"] < 0.9  # 21 right answers of 21 prove no perfection
    assert found["log_loss"] == pytest.approx(0, abs=1e-12)
    assert found["ece"] == 0
    assert set(found["recall"].values()) == {1.0}


def test_a_uniform_predictor_loses_log_7() -> None:
    labels = np.arange(7).repeat(3)
    found = metrics.measure(np.full((21, 7), 1 / 7), labels)
    assert found["log_loss"] == pytest.approx(np.log(7))
    assert found["balanced_accuracy"] == pytest.approx(1 / 7)
    assert found["ece"] == pytest.approx(0, abs=1e-9)


def test_a_sure_and_wrong_predictor_stays_finite() -> None:
    found = metrics.measure(one_hot([1, 1]), np.array([0, 2]))
    assert found["accuracy"] == found["accuracy_low"] == found["macro_f1"] == 0
    assert np.isfinite(found["log_loss"])
    assert found["ece"] == 1


def test_an_absent_emotion_is_left_out_of_the_means() -> None:
    labels = np.array([0, 0, 3, 3])
    found = metrics.measure(one_hot([0, 1, 3, 3]), labels)
    assert found["recall"] == {"angry": 0.5, "happy": 1.0}
    assert found["balanced_accuracy"] == 0.75
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1) / 2)


def test_the_interval_counts_a_group_of_copies_once() -> None:
    probabilities, labels = noisy()
    five_copies = metrics.measure(np.repeat(probabilities, 5, axis=0), np.repeat(labels, 5), np.repeat(range(600), 5))
    once = metrics.measure(probabilities, labels, np.full(600, -1))
    assert five_copies == pytest.approx(once | {"recall": pytest.approx(once["recall"])})
    assert once == metrics.measure(probabilities, labels)
    assert once["accuracy_low"] == significance.accuracy_interval(once["accuracy"], 600)[0]


def test_nan_probabilities_name_the_cause() -> None:
    probabilities = one_hot([0, 1])
    probabilities[1, 3] = np.nan
    with pytest.raises(FerError, match="diverged"):
        metrics.measure(probabilities, np.array([0, 1]))


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="N, 7"):
        metrics.measure(np.ones((2, 6)), np.array([0, 1]))
