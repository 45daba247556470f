import pytest
import torch

from fer import models
from fer.training.calibration import LIMITS, fit_temperature, val_logits


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_built_in_is_found(temperature):
    torch.manual_seed(0)
    honest = 2 * torch.randn(20_000, 7)
    labels = torch.multinomial(honest.softmax(1), 1).flatten()
    assert fit_temperature(honest * temperature, labels) == pytest.approx(temperature, rel=0.05)


def test_a_network_that_is_always_right_or_never_gets_a_limit():
    logits = torch.eye(7)
    assert fit_temperature(logits, torch.arange(7)) == pytest.approx(LIMITS[0], rel=0.1)
    assert fit_temperature(logits, (torch.arange(7) + 1) % 7) == pytest.approx(LIMITS[1], rel=0.1)


def test_val_is_seen_in_order_in_evaluation_mode(data, params, tmp_path):
    kind = models.network("mlp")
    network = kind(**kind.arguments(params.mlp, tmp_path))
    network.learn_statistics(data.inputs, tmp_path)
    expected = network.eval()(landmarks=data.inputs["landmarks"][data.val])
    found = val_logits(network.train(), data, torch.device("cpu"))
    torch.testing.assert_close(found, expected.detach())


def test_a_trained_model_is_loaded_with_its_temperature(data, params, tmp_path):
    kind = models.network("mlp")
    arguments = kind.arguments(params.mlp, tmp_path)
    network = kind(**arguments)
    network.learn_statistics(data.inputs, tmp_path)
    models.write(tmp_path / "mlp", network.state_dict(), {"name": "mlp", "arguments": arguments, "temperature": 2.0})
    loaded, _ = models.load(tmp_path / "mlp", "mlp")
    faces = {"landmarks": data.inputs["landmarks"][data.val]}
    torch.testing.assert_close(loaded.probabilities(**faces), (loaded(**faces) / 2).softmax(1))
