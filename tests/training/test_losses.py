"""Cross-entropy and focal loss, of soft targets."""

import pandas as pd
import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from fer.training import losses
from fer.training.losses import focal_loss
from fer.training.mixup import mixup

EQUAL = torch.ones(7)


@pytest.fixture
def batch():
    """Logits and soft targets of 20 faces, and unequal weights of the classes."""
    torch.manual_seed(0)
    return 3 * torch.randn(20, 7), torch.rand(20, 7).softmax(1), torch.rand(7) + 0.5


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_with_gamma_0_it_is_cross_entropy(batch, smoothing):
    logits, targets, weight = batch
    expected = cross_entropy(logits, targets, weight=weight, label_smoothing=smoothing)
    torch.testing.assert_close(focal_loss(logits, targets, 0.0, weight, smoothing), expected)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_of_plain_labels_it_is_the_formula_of_the_paper(batch, gamma):
    logits, labels = batch[0], torch.arange(20) % 7
    p = logits.softmax(1)[torch.arange(20), labels]
    expected = (-((1 - p) ** gamma) * p.log()).mean()
    found = focal_loss(logits, one_hot(labels, 7).float(), gamma, EQUAL, 0.0)
    torch.testing.assert_close(found, expected)


def test_a_mixed_face_has_the_mixture_of_its_labels_losses(batch):
    logits, labels = batch[0], torch.arange(20) % 7
    torch.manual_seed(1)
    _, targets = mixup({"pixels": torch.rand(20, 3)}, one_hot(labels, 7).float(), 1.0)
    assert ((targets > 0) & (targets < 1)).any()
    each = torch.stack([
        focal_loss(logits[row : row + 1], torch.eye(7)[[label]], 2.0, EQUAL, 0.0)
        for row in range(20) for label in range(7)
    ]).view(20, 7)  # fmt: skip
    torch.testing.assert_close(focal_loss(logits, targets, 2.0, EQUAL, 0.0), (targets * each).sum(1).mean())
    smoothed = 0.9 * (targets * each).sum(1) + 0.1 * each.mean(1)
    torch.testing.assert_close(focal_loss(logits, targets, 2.0, EQUAL, 0.1), smoothed.mean())


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_sure_answers_right_or_wrong_have_a_finite_slope(gamma):
    logits = torch.tensor([[200.0, 0, 0, 0, 0, 0, 0]] * 2, requires_grad=True)
    loss = focal_loss(logits, torch.eye(7)[[0, 1]], gamma, EQUAL, 0.1)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def test_easy_faces_count_less(batch):
    easy, hard = torch.eye(7)[:1] * 5, torch.zeros(1, 7)
    label = torch.eye(7)[:1]
    ratios = [
        focal_loss(easy, label, gamma, EQUAL, 0.0) / focal_loss(hard, label, gamma, EQUAL, 0.0) for gamma in (0.0, 1, 3)
    ]
    assert ratios[0] > 10 * ratios[1] > 100 * ratios[2]


def test_the_default_gives_the_digits_of_torch_s_cross_entropy(batch, params):
    logits, targets, weight = batch
    recipe = params.mlp.recipe("full")
    expected = cross_entropy(logits, targets, weight=weight, label_smoothing=recipe.label_smoothing)
    assert torch.equal(losses.loss(logits, targets, recipe, weight), expected)


def test_the_setting_decides(batch, params, change):
    logits, targets, weight = batch
    optim = change(params.mlp.optim, loss="focal", focal_gamma=3.0)
    recipe = change(params.mlp, optim=optim, label_smoothing=0.2).recipe("full")
    expected = focal_loss(logits, targets, 3.0, weight, 0.2)
    assert torch.equal(losses.loss(logits, targets, recipe, weight), expected)


@pytest.mark.slow
def test_a_training_with_focal_loss_learns(train, tmp_path):
    train(epochs=8, lr=0.01, ema=0.0, loss="focal")
    curves = pd.read_csv(tmp_path / "curves/small.csv")
    assert curves[curves["split"] == "val"]["accuracy"].max() > 0.35  # chance is 0.14
