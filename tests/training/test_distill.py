"""Learning from a teacher's answers, and where these come from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from click.testing import CliRunner
from torch.nn.functional import cross_entropy, one_hot

from fer import artifacts, check, config
from fer.config_parts import Distill
from fer.errors import FerError
from fer.evaluation import teacher
from fer.training import losses, soft_labels
from fer.training.batches import Batches
from stages.soft_labels import main
from tests import known_params
from tests.evaluation.tables import noisy, predicted


def recipe(params, weight=0.7, temperature=3.0):
    """The mlp's recipe with a teacher."""
    distill = Distill(weight=weight, temperature=temperature, teacher="cnn")
    return params.mlp.recipe("full").model_copy(update={"distill": distill})


@pytest.fixture
def batch():
    """Logits of 20 faces, their labels, and a teacher's probabilities for them."""
    torch.manual_seed(0)
    return torch.randn(20, 7), torch.arange(20) % 7, (3 * torch.randn(20, 7)).softmax(1)


def test_the_loss_is_hinton_s(batch, params):
    logits, labels, answers = batch
    settings = recipe(params)
    targets = torch.cat([one_hot(labels, 7).float(), losses.softened(answers, settings)], dim=1)
    hard = cross_entropy(logits, labels, label_smoothing=settings.label_smoothing)
    soft = -((answers.log() / 3).softmax(1) * (logits / 3).log_softmax(1)).sum(1).mean()
    found = losses.loss(logits, targets, settings, torch.ones(7))
    torch.testing.assert_close(found, 0.3 * hard + 0.7 * 9 * soft)


def test_a_student_that_answers_as_its_teacher_has_nothing_to_learn_from_it(batch, params):
    logits, _, answers = batch
    agreeing = answers.log().requires_grad_()
    losses.distillation(agreeing, losses.softened(answers, recipe(params)), 3.0).backward()
    assert agreeing.grad.abs().max() < 1e-6
    other = logits.clone().requires_grad_()
    losses.distillation(other, losses.softened(answers, recipe(params)), 3.0).backward()
    assert other.grad.abs().max() > 1e-3


def test_a_sure_teacher_leaves_nothing_infinite(params):
    answers = torch.eye(7)
    assert torch.isfinite(losses.softened(answers, recipe(params))).all()
    assert torch.equal(losses.softened(answers, recipe(params, temperature=1.0)).argmax(1), torch.arange(7))


def test_batches_hold_each_face_s_answers(data):
    answers = torch.rand(280, 7).softmax(1)
    batches = Batches(replace(data, soft_labels=answers, labels=torch.arange(280)), data.train, 32, seed=1)
    for _, rows, found in batches:
        assert torch.equal(found, answers[rows])


@pytest.mark.slow
def test_a_student_learns_what_its_teacher_knows_and_the_labels_do_not_say(train, data, tmp_path):
    torch.manual_seed(0)
    answers = one_hot(data.labels, 7) * 0.93 + 0.01
    wrong = replace(data, labels=torch.where(torch.arange(280) < 210, torch.randint(7, (280,)), data.labels))

    def accuracy(name, **more):
        train(name, faces=replace(wrong, soft_labels=more.pop("answers", None)), epochs=10, lr=0.01, ema=0.0, **more)
        table = pd.read_csv(tmp_path / "curves" / f"{name}.csv")
        return table[table["split"] == "val"]["accuracy"].max()

    assert accuracy("alone") < 0.3  # chance is 0.14
    distill = Distill(weight=1.0, temperature=2.0, teacher="cnn")
    assert accuracy("taught", answers=answers, distill=distill) > 0.35


def test_other_answers_are_another_training(train, data, tmp_path):
    distill = Distill(weight=1.0, temperature=2.0, teacher="cnn")
    for seed in (1, 2):
        torch.manual_seed(seed)
        train("one", faces=replace(data, soft_labels=torch.rand(280, 7).softmax(1)), distill=distill, epochs=1)
    assert len(list((tmp_path / "work/one").glob("*/last.ckpt"))) == 2


class TestFile:
    """`data/soft_labels/<student>.parquet`."""

    @pytest.fixture(autouse=True)
    def project(self, tmp_path, monkeypatch):
        """Work in an empty project."""
        monkeypatch.chdir(tmp_path)

    def test_what_was_written_is_read_at_its_faces(self):
        answers = np.random.default_rng(0).dirichlet(np.ones(7), 3)
        soft_labels.write("tiny", "ensemble", np.array([4, 1, 2]), answers)
        found = soft_labels.read("tiny", "ensemble", torch.tensor([1, 2, 4]), faces=6)
        np.testing.assert_allclose(found[[4, 1, 2]], answers, atol=1e-6)
        assert found[[0, 3, 5]].isnan().all()

    @pytest.mark.parametrize(
        ("named", "train", "faces", "said"),
        [
            ("cnn", [0], 6, "holds the answers of ensemble instead of cnn"),
            ("ensemble", [0, 3], 6, "lacks faces of train"),
            ("ensemble", [0], 2, "does not hold what it should"),
        ],
    )
    def test_what_does_not_fit_is_one_clear_line(self, named, train, faces, said):
        soft_labels.write("tiny", "ensemble", np.arange(3), np.full((3, 7), 1 / 7))
        with pytest.raises(FerError, match=said):
            soft_labels.read("tiny", named, torch.tensor(train), faces)

    def test_a_missing_file_is_named(self):
        with pytest.raises(FerError, match=r"data/soft_labels/tiny\.parquet is missing"):
            soft_labels.read("tiny", "ensemble", torch.tensor([0]), 1)


class TestStage:
    """`python -m stages.soft_labels`."""

    @pytest.fixture(autouse=True)
    def project(self, tmp_path, monkeypatch):
        """A project in which every model answers without being trained."""
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(check, "params", config.load)
        monkeypatch.setattr(teacher, "predict_train", self.answers)
        artifacts.write_json("models/onnx/ensemble.json", {"members": {"cnn": 0.75, "mlp": 0.25}})

    def answers(self, name, params=None):
        """Of 40 train faces; other ones for each model."""
        _, labels = noisy(40)
        return predicted(noisy(40, len(name) + ord(name[0]))[0], labels, np.full(40, "train"))

    def run(self, named):
        """Run the stage with this teacher."""
        content = known_params.read()
        content["tiny"]["distill"]["teacher"] = named
        Path("params.yaml").write_text(yaml.safe_dump(content))
        return CliRunner().invoke(main, ["tiny"])

    def test_an_ensemble_teaches_with_its_weights(self):
        outcome = self.run("ensemble")
        assert outcome.exit_code == 0, outcome.output
        found = soft_labels.read("tiny", "ensemble", torch.arange(40), 40)
        expected = 0.75 * self.answers("cnn").probabilities + 0.25 * self.answers("mlp").probabilities
        np.testing.assert_allclose(found, expected, atol=1e-6)

    def test_of_an_ensemble_in_which_one_model_counts_that_one_teaches(self):
        artifacts.write_json("models/onnx/ensemble.json", {"members": {"cnn": 1.0}})
        assert self.run("ensemble").exit_code == 0
        found = soft_labels.read("tiny", "ensemble", torch.arange(40), 40)
        np.testing.assert_allclose(found, self.answers("cnn").probabilities, atol=1e-6)

    def test_a_model_teaches(self):
        assert self.run("gnn").exit_code == 0
        found = soft_labels.read("tiny", "gnn", torch.arange(40), 40)
        np.testing.assert_allclose(found, self.answers("gnn").probabilities, atol=1e-6)

    @pytest.mark.parametrize("named", ["tiny", "nobody"])
    def test_who_can_t_teach_is_named(self, named):
        outcome = self.run(named)
        assert outcome.exit_code == 1
        assert f"tiny.distill.teacher: {named} can't teach; choose from mlp, " in outcome.output

    def test_without_the_ensemble_s_weights_it_is_one_clear_line(self):
        Path("models/onnx/ensemble.json").unlink()
        outcome = self.run("ensemble")
        assert outcome.exit_code == 1
        assert "models/onnx/ensemble.json is missing" in outcome.output
