"""Every model trains in half precision, goes on after an interruption, and predicts alike on every device."""

import numpy as np
import pytest
import torch
from torch import nn

from fer import artifacts, inputs, models
from fer.config_parts import AugmentLandmarks, AugmentPixels
from fer.evaluation.predict import probabilities
from fer.landmarks.graphs import Graph
from fer.models import fusion
from fer.models.base import FaceModel
from fer.training import checkpoints
from fer.training.batches import TrainingData
from fer.training.fit import fit
from fer.training.keeper import Keeper

SMALL = {
    "mlp": {"hidden": [32]},
    "transformer": {"layers": 1, "heads": 2, "width": 16, "neighbours": [4], "token_dropout": 0.5},
    "gnn": {"layers": 1, "width": 16},
    "cnn": {"backbone": "timm:test_resnet", "hidden": 16, "image_size": 32, "weights": "none"},
    "efficientnetv2": {"backbone": "timm:test_resnet", "hidden": 16, "image_size": 32, "weights": "none"},
    "fusion": {},
    "tiny": {"widths": [4, 8], "blocks": 1, "image_size": 32},
}
DEVICES = [pytest.param("cpu", marks=pytest.mark.slow), pytest.param("cuda", marks=pytest.mark.gpu)]


class BothInputs(FaceModel):
    """A network that sees pixels and landmarks, trained with the settings of the mlp."""

    inputs = ("pixels", "landmarks")
    image_size = 48

    def __init__(self):
        super().__init__()
        self.of_pixels, self.of_landmarks = nn.Linear(48 * 48, 7), nn.Linear(478 * 3, 7)

    @classmethod
    def arguments(cls, settings, data):
        return {}

    def forward(self, pixels, landmarks):
        return self.of_pixels(pixels.flatten(1) / 255) + self.of_landmarks(landmarks.flatten(1))


class AugmentBoth(AugmentPixels, AugmentLandmarks):
    """Its augmentation."""


class Killed(BaseException):
    """What a kill leaves: no handler of ours runs."""


@pytest.fixture
def start(params, change, tmp_path, monkeypatch):
    """Starts a training of three epochs on 64 random faces."""
    monkeypatch.setattr(checkpoints, "WORK", tmp_path / "work")
    rng = np.random.default_rng(0)
    mean = rng.normal(0, 1, (478, 3)).astype(np.float32)
    edges = np.array([[0, 1, 1, 2, 7, 9], [1, 0, 2, 1, 9, 7]])
    Graph(edges, np.arange(478) % 4, mean).save(tmp_path / "graphs")
    monkeypatch.chdir(tmp_path)
    parts = {name: change(params.model(name), **SMALL[name]) for name in fusion.PARTS}
    arguments = {name: models.network(name).arguments(section, tmp_path) for name, section in parts.items()}
    artifacts.write_json(fusion.START / "config.json", {"arguments": arguments})
    pixels = torch.from_numpy(rng.integers(0, 256, (64, 48, 48), np.uint8))
    landmarks = torch.from_numpy(mean + rng.normal(0, 0.1, (64, 478, 3)).astype(np.float32))
    labels, rows = torch.arange(64) % 7, torch.arange(64)

    def run(name, device, folder="one"):
        known = name in models.MODELS
        kind = models.network(name) if known else BothInputs
        values = {key: {"pixels": pixels, "landmarks": landmarks}[key] for key in kind.inputs}
        section = params.model(name) if known else params.mlp
        settings = change(section, optim=section.optim.model_dump() | {"batch_size": 16}, **SMALL.get(name, {}))
        both = AugmentBoth(**params.cnn.augment.model_dump() | params.mlp.augment.model_dump())
        torch.manual_seed(3)
        network = kind(**kind.arguments(settings, tmp_path))
        network.learn_statistics(values, tmp_path)
        network.begin("full", settings)
        recipe = change(settings.recipe("full"), epochs=3, patience=0)
        section = change(params.train, device=device, precision="bf16-mixed")
        data = TrainingData(values, labels, rows[:48], rows[48:])
        curves = tmp_path / f"{folder}.csv"
        augment = settings.augment if known else both
        fitted = fit(f"{folder}-{name}", network, data, recipe, augment, section, curves, {})
        network.load_state_dict(fitted.weights)
        return network.eval(), {key: own.numpy() for key, own in values.items()}, fitted

    return run


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", [*models.MODELS, "both inputs"])
def test_training_and_going_on(name, device, start, monkeypatch):
    _, _, whole = start(name, device, "whole")
    assert whole.epochs == 3
    original = Keeper.on_train_batch_end

    def die(self, trainer, *arguments):
        original(self, trainer, *arguments)
        if trainer.current_epoch == 1:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Keeper, "on_train_batch_end", die)
        with pytest.raises(Killed):
            start(name, device)
    _, _, resumed = start(name, device)
    assert all(torch.equal(whole.weights[key], resumed.weights[key]) for key in whole.weights)


@pytest.mark.gpu
@pytest.mark.parametrize("name", models.MODELS)
def test_predictions_on_a_gpu_agree_with_those_on_the_cpu(name, start):
    network, faces, _ = start(name, "cuda")
    views = inputs.poses(network.inputs)[:4]
    found = [list(probabilities(network, faces, views, 16, torch.device(place))) for place in ("cuda", "cpu")]
    for gpu, cpu in zip(*found, strict=True):
        np.testing.assert_allclose(gpu, cpu, atol=1e-4)
