"""The weighted mean of recorded probabilities."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result

from fer import artifacts, averaging
from fer.errors import FerError
from fer.evaluation import ensemble, predictions, subsets
from fer.evaluation.predictions import Predictions
from stages.ensemble import main
from tests import known_params
from tests.evaluation.tables import noisy, one_hot, predicted, splits_table

SPLITS = np.repeat(["val", "test"], 20)


def model(seed: int, known: np.ndarray | None = None, **metadata: object) -> Predictions:
    """Predictions of 40 faces, the same faces for every seed."""
    _, labels = noisy(40)
    return predicted(noisy(40, seed)[0], labels, SPLITS, noisy(40, seed + 50)[0], known, metadata)


def test_the_mean_of_the_members() -> None:
    averaged = ensemble.average({"a": model(1, parameters=10, epochs=3), "b": model(2, parameters=5)})
    np.testing.assert_allclose(averaged.probabilities, (noisy(40, 1)[0] + noisy(40, 2)[0]) / 2, atol=1e-6)
    assert averaged.single_view is not None
    np.testing.assert_allclose(averaged.single_view, (noisy(40, 51)[0] + noisy(40, 52)[0]) / 2, atol=1e-6)
    assert averaged.metadata == {"parameters": 15, "members": {"a": 0.5, "b": 0.5}}
    assert averaged.known.all()


def test_a_member_that_does_not_know_a_face_is_left_out_of_its_mean() -> None:
    known = np.ones(40, bool)
    known[[3, 4]] = False
    other = np.ones(40, bool)
    other[4] = False
    members = {"a": model(1, known), "b": model(2, other), "c": model(3, known)}
    averaged = ensemble.average(members, {"a": 0.5, "b": 0.3, "c": 0.2})
    a, b, c = (noisy(40, seed)[0] for seed in (1, 2, 3))
    np.testing.assert_allclose(averaged.probabilities[3], b[3], atol=1e-6)
    mean = 0.5 * a + 0.3 * b + 0.2 * c
    np.testing.assert_allclose(averaged.probabilities[4:6], mean[4:6], atol=1e-6)
    assert np.flatnonzero(~averaged.known).tolist() == [4]


def test_where_only_members_without_weight_know_a_face_all_count() -> None:
    answers = np.arange(4.0).reshape(2, 1, 2)
    found = averaging.mean(answers, np.array([[False], [True]]), np.array([1.0, 0.0]))
    np.testing.assert_array_equal(found, answers[0])


def test_without_a_member_s_single_view_there_is_none() -> None:
    theirs = Predictions(model(2).table.filter(regex="^(?!.*_single)"))
    members = {"a": model(1, parameters=3), "theirs": theirs}
    averaged = ensemble.average(members)
    assert averaged.single_view is None
    assert "parameters" not in averaged.metadata
    with pytest.raises(FerError, match="in one view, which a member lacks"):
        ensemble.fitted_weights(members)


def test_members_with_other_faces_are_refused() -> None:
    fewer = Predictions(model(2).table.iloc[1:].reset_index(drop=True))
    with pytest.raises(FerError, match="a and b hold predictions of different faces"):
        ensemble.average({"a": model(1), "b": fewer})


def test_one_member_is_none() -> None:
    with pytest.raises(FerError, match="at least two different members, not only a"):
        ensemble.average({"a": model(1)})


class TestFitting:
    """Weights with the smallest log loss on val."""

    def of_a_mixture(self, faces: int = 3000) -> dict[str, Predictions]:
        """Two members of which each is the truth's source in its share of the faces, 3 to 1, and one that guesses."""
        rng = np.random.default_rng(0)
        answers = [rng.dirichlet(np.full(7, 0.3), faces) for _ in range(3)]
        source = (rng.random(faces) < 0.25).astype(int)
        drawn = np.stack(answers)[source, np.arange(faces)].cumsum(axis=1)
        labels = (drawn < rng.random(faces)[:, None]).sum(axis=1).clip(max=6)
        splits = np.where(np.arange(faces) % 10 < 8, "val", "test")
        return {name: predicted(own, labels, splits, own) for name, own in zip("abc", answers, strict=True)}

    def test_the_shares_of_a_mixture_are_found(self) -> None:
        weights = ensemble.fitted_weights(self.of_a_mixture())
        assert sum(weights.values()) == pytest.approx(1, abs=2e-4)
        np.testing.assert_allclose(list(weights.values()), [0.75, 0.25, 0], atol=0.06)

    def test_no_weights_have_a_smaller_log_loss(self) -> None:
        members = self.of_a_mixture()
        fitted = ensemble.average(members, ensemble.fitted_weights(members))
        best = ensemble._on_val(fitted)["log_loss"]
        for weights in np.random.default_rng(1).dirichlet(np.ones(3), 10):
            other = ensemble.average(members, dict(zip("abc", weights, strict=True)))
            assert ensemble._on_val(other)["log_loss"] > best - 1e-4

    def test_test_faces_and_test_time_views_have_no_influence(self) -> None:
        members = self.of_a_mixture()
        weights = ensemble.fitted_weights(members)
        answers = one_hot(np.zeros(3000, int), 0.9)
        changed = {}
        for name, member in members.items():
            assert member.single_view is not None
            val = (member.table["split"] == "val").to_numpy()
            single = np.where(val[:, None], member.single_view, answers)
            changed[name] = predictions.make(member.table, answers, single, member.known, {})
        assert ensemble.fitted_weights(changed) == weights

    def test_a_member_that_knows_few_faces_is_judged_by_these(self) -> None:
        _, labels = noisy(700)
        right, guess = one_hot(labels, 0.9), np.full((700, 7), 1 / 7)
        known = np.arange(700) % 10 == 0
        landmarks = np.where(known[:, None], right, one_hot((labels + 1) % 7, 0.99))
        splits = np.full(700, "val")
        members = {
            "pixels": predicted(guess, labels, splits, guess),
            "landmarks": predicted(landmarks, labels, splits, landmarks, known),
        }
        assert ensemble.fitted_weights(members)["landmarks"] > 0.95

    def test_without_val_it_is_one_clear_line(self) -> None:
        members = {name: Predictions(model(seed).table[20:].reset_index(drop=True)) for seed, name in enumerate("ab")}
        with pytest.raises(FerError, match="fitted on val"):
            ensemble.fitted_weights(members)


class TestStage:
    """`python -m stages.ensemble`."""

    @pytest.fixture(autouse=True)
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Work in a project of two models' predictions."""
        monkeypatch.chdir(tmp_path)
        for name, seed in (("mlp", 1), ("cnn", 2)):
            predictions.write(name, model(seed))

    def run(self, members: str = "[cnn, mlp]", weights: str = "fitted") -> Result:
        """Run the stage with these settings."""
        content = known_params.read()
        content["ensemble"] = {"members": yaml.safe_load(members), "weights": weights}
        Path("params.yaml").write_text(yaml.safe_dump(content))
        return CliRunner().invoke(main, ["ensemble"])

    def test_equal_weights(self) -> None:
        outcome = self.run(weights="uniform")
        assert outcome.exit_code == 0, outcome.output
        expected = (noisy(40, 1)[0] + noisy(40, 2)[0]) / 2
        found = predictions.read("ensemble")
        np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
        assert found.metadata == {"members": {"cnn": 0.5, "mlp": 0.5}}
        assert artifacts.read_json("models/onnx/ensemble.json") == {"members": {"cnn": 0.5, "mlp": 0.5}}

    def test_fitted_weights_reach_the_table_the_metrics_and_the_file_for_prediction(self) -> None:
        outcome = self.run()
        assert outcome.exit_code == 0, outcome.output
        found = predictions.read("ensemble")
        weights = found.metadata["members"]
        expected = (weights["cnn"] * noisy(40, 2)[0] + weights["mlp"] * noisy(40, 1)[0]) / sum(weights.values())
        np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
        assert artifacts.read_json("models/onnx/ensemble.json") == {"members": weights}
        measured = subsets.measure(found, splits_table(SPLITS), "official")
        assert measured["members"] == weights
        assert set(measured["equal_weights"]) == {"val", "log_loss"}

    def test_what_has_no_weight_is_not_needed_to_predict(self) -> None:
        _, labels = noisy(40)
        wrong = one_hot((labels + 1) % 7, 0.999)
        predictions.write("gnn", predicted(wrong, labels, SPLITS, wrong))
        assert self.run("[cnn, mlp, gnn]").exit_code == 0
        assert predictions.read("ensemble").metadata["members"]["gnn"] == 0
        assert set(artifacts.read_json("models/onnx/ensemble.json")["members"]) <= {"cnn", "mlp"}

    @pytest.mark.parametrize(
        ("members", "said"),
        [
            ("[mlp]", "ensemble.members = ['mlp']"),
            ("[mlp, mlp]", "ensemble.members: a model is named twice"),
            ("[mlp, ensemble]", "ensemble.members: ensemble can't be a member; choose from mlp"),
            ("[mlp, tiny]", "ensemble.members: tiny can't be a member"),
            ("[mlp, gnn]", "gnn.parquet is missing"),
        ],
    )
    def test_a_wrong_ensemble_is_one_clear_line(self, members: str, said: str) -> None:
        outcome = self.run(members)
        assert outcome.exit_code == 1
        assert said in outcome.output
        assert not predictions.path("ensemble").exists()
        assert not Path("models").exists()
