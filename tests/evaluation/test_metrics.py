"""Metrics against values worked out by hand, and against scikit-learn."""

import numpy as np
import pandas as pd
import pytest

from fer.emotions import EMOTIONS, INDEX
from fer.errors import FerError
from fer.evaluation import metrics

SHARE = [0.14, 0.015, 0.14, 0.25, 0.17, 0.165, 0.12]


def one_hot(predicted: list[int], confidence: float = 1.0) -> np.ndarray:
    """Probabilities [N, 7] that give `confidence` to the predicted class and share the rest."""
    probabilities = np.full((len(predicted), 7), (1 - confidence) / 6)
    probabilities[np.arange(len(predicted)), predicted] = confidence
    return probabilities


def noisy(faces: int = 600, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A model that is often right: probabilities [N, 7] and labels [N], every emotion among them."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(7), rng.choice(7, faces - 7, p=SHARE)])
    logits = rng.normal(size=(faces, 7)) * 1.5
    logits[np.arange(faces), labels] += 2
    odds = np.exp(logits)
    return odds / odds.sum(axis=1, keepdims=True), labels


def table(probabilities: np.ndarray, labels: np.ndarray, split: np.ndarray | str = "test") -> pd.DataFrame:
    """The content of a predictions file."""
    frame = pd.DataFrame(probabilities.astype(np.float32), columns=list(EMOTIONS))
    frame.insert(0, "emotion", np.array(EMOTIONS)[labels])
    frame.insert(0, "split", split)
    frame.insert(0, "name", [f"face{index:05d}" for index in range(len(frame))])
    return frame


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
    assert (bins["accuracy"] * bins["faces"]).sum() == (probabilities.argmax(axis=1) == labels).sum()
    assert (bins["confidence"] * bins["faces"]).sum() == pytest.approx(probabilities.max(axis=1).sum())
    assert bins["confidence"].is_monotonic_increasing


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


def test_the_interval_is_wilson_s() -> None:
    """Wilson 1927, written out: the p at which the score test no longer rejects."""
    hits, faces, z = 260, 400, 1.959964
    share = hits / faces
    middle = (share + z**2 / (2 * faces)) / (1 + z**2 / faces)
    half = z / (1 + z**2 / faces) * np.sqrt(share * (1 - share) / faces + z**2 / (4 * faces**2))
    assert metrics.accuracy_interval(hits, faces) == pytest.approx((middle - half, middle + half), abs=1e-6)


def test_the_interval_covers_the_truth_about_95_times_in_100() -> None:
    intervals = [metrics.accuracy_interval(hits, 500) for hits in np.random.default_rng(0).binomial(500, 0.7, 600)]
    covered = np.mean([low <= 0.7 <= high for low, high in intervals])
    assert 0.92 < covered < 0.98


def test_nan_probabilities_name_the_cause() -> None:
    probabilities = one_hot([0, 1])
    probabilities[1, 3] = np.nan
    with pytest.raises(FerError, match="diverged"):
        metrics.measure(probabilities, np.array([0, 1]))


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="N, 7"):
        metrics.measure(np.ones((2, 6)), np.array([0, 1]))


class TestReport:
    """The metrics of every subset."""

    def subsets(self) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, np.ndarray]]:
        probabilities, labels = noisy()
        other, _ = noisy(seed=4)
        test = np.arange(600) >= 300
        members = {
            "val": ~test,
            "test": test,
            "test_unseen": test & (np.arange(600) % 2 == 0),
            "test_combined": np.ones(600, bool),
        }
        return table(probabilities, labels), table(other, labels), members

    def test_each_subset_is_measured_on_its_own_faces(self) -> None:
        predictions, single, members = self.subsets()
        found = metrics.report(predictions, single, members)
        assert list(found) == ["val", "test", "test_single_view", "test_unseen", "test_combined"]
        labels = metrics.labels_of(predictions)
        for subset, mask in members.items():
            expected = metrics.measure(metrics.probabilities_of(predictions)[mask], labels[mask])
            assert found[subset] == expected
        alone = metrics.measure(metrics.probabilities_of(single)[members["test"]], labels[members["test"]])
        assert found["test_single_view"] == alone != found["test"]

    def test_the_detected_subset_is_optional(self) -> None:
        predictions, single, members = self.subsets()
        members["test_detected"] = members["test"] & (np.arange(600) % 3 > 0)
        assert list(metrics.report(predictions, single, members))[-1] == "test_detected"

    def test_an_empty_optional_subset_is_left_out(self) -> None:
        predictions, single, members = self.subsets()
        members["test_unseen"] = np.zeros(600, bool)
        assert "test_unseen" not in metrics.report(predictions, single, members)

    def test_an_empty_test_set_is_an_error(self) -> None:
        predictions, single, members = self.subsets()
        members["test"] = np.zeros(600, bool)
        with pytest.raises(FerError, match="test holds no face"):
            metrics.report(predictions, single, members)

    def test_members_are_checked(self) -> None:
        predictions, single, members = self.subsets()
        with pytest.raises(ValueError, match="test_unsen"):
            metrics.report(predictions, single, {**members, "test_unsen": members["val"]})
        with pytest.raises(ValueError, match="bool"):
            metrics.report(predictions, single, {**members, "val": np.arange(600)})

    def test_an_unknown_emotion_is_an_error(self) -> None:
        predictions, single, members = self.subsets()
        predictions.loc[0, "emotion"] = "bored"
        with pytest.raises(FerError, match="bored"):
            metrics.report(predictions, single, members)
