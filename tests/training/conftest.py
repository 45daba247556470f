import numpy as np
import pytest
import torch

from fer import inputs, models
from fer.config_parts import Optim
from fer.training import checkpoints, fit as fitting
from fer.training.batches import TrainingData


@pytest.fixture
def data():
    """Landmarks of 7 classes of which each moves its own points, with one unknown face in ten."""
    rng = np.random.default_rng(0)
    labels = np.arange(280) % 7
    values = rng.normal(0, 0.3, (280, 478, 3)).astype(np.float32)
    for label in range(7):
        values[labels == label, label * 20 : label * 20 + 20, 1] += 0.4
    values[::10] = np.nan
    rows = torch.arange(280)
    return TrainingData({"landmarks": torch.from_numpy(values)}, torch.from_numpy(labels), rows[:210], rows[210:])


@pytest.fixture
def train(data, params, change, tmp_path, monkeypatch):
    """Trains a small perceptron in a folder of its own; `network` and `settings` come with it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoints, "WORK", tmp_path / "work")
    settings = change(params.train, device="cpu", precision="32-true", seed=3)

    def run(name="small", seed=3, train=None, faces=data, distill=None, **recipe):
        options = {"epochs": 4, "batch_size": 32, "patience": 0, "hidden": [16], "mixup_alpha": 0.2} | recipe
        optim = {key: options.pop(key) for key in set(options) & set(Optim.model_fields)}
        chosen = change(params.mlp, **options, optim=params.mlp.optim.model_dump() | optim)
        kind = models.network("mlp")
        torch.manual_seed(seed)
        network = kind(**kind.arguments(chosen, tmp_path))
        network.learn_statistics(inputs.select(faces.inputs, faces.train), tmp_path)
        section = change(settings, seed=seed, **(train or {}))
        curves = tmp_path / "curves" / f"{name}.csv"
        recipe = chosen.recipe("full").model_copy(update={"distill": distill})
        return fitting.fit(name, network, faces, recipe, chosen.augment, section, curves, {})

    return run
