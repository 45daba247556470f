"""The network on pixels and landmarks: it begins with what the cnn and the mlp know together."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from fer import artifacts, check, models, paths
from fer.errors import FerError, MissingFileError
from fer.models import fusion, pretrained
from fer.models.fusion import FusionNet
from fer.training.module import Training
from stages import weights
from tests import known_params

PARTS = {"cnn": {"backbone": "timm:test_resnet", "hidden": 8, "image_size": 32}, "mlp": {"hidden": [24, 16]}}


@pytest.fixture
def trained(params, change, tmp_path, monkeypatch):
    """A cnn and an mlp that count as trained, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    known_params.write(tmp_path / "params.yaml")
    found = {}
    for number, (name, changes) in enumerate(PARTS.items()):
        kind = models.network(name)
        arguments = kind.arguments(change(params.model(name), **changes), tmp_path)
        torch.manual_seed(number)
        network = kind(**arguments)
        for own in network.state_dict().values():  # nothing is at its first value, batch norm and statistics included
            if own.is_floating_point():
                own.copy_(torch.rand_like(own) + 0.1)
        about = {"name": name, "arguments": arguments, "temperature": 0.5 + number}
        models.write(paths.MODELS / name, network.state_dict(), about)
        found[name] = models.load(paths.MODELS / name, name)[0]
    return found


@pytest.fixture
def network(trained, params):
    """The fusion before its first epoch."""
    pretrained.write_folder("fusion", params)
    torch.manual_seed(9)
    network = FusionNet(**FusionNet.arguments(params.fusion, paths.DATA))
    tensors, _ = artifacts.read_model(fusion.START)
    network.load_pretrained(tensors)
    return network.eval()


@pytest.fixture
def faces():
    torch.manual_seed(0)
    landmarks = torch.randn(6, 478, 3)
    landmarks[4] = torch.nan
    return {"pixels": torch.randint(0, 256, (6, 48, 48), dtype=torch.uint8), "landmarks": landmarks}


def test_it_begins_with_the_weighted_mean_of_both_models_calibrated_logits(network, trained, faces):
    cnn, mlp = trained["cnn"], trained["mlp"]
    images, points = cnn(faces["pixels"]), mlp(faces["landmarks"])
    expected = 0.7 * images / cnn.temperature + 0.3 * points / mlp.temperature
    torch.testing.assert_close(network(**faces), expected, rtol=1e-4, atol=1e-4)


def test_a_face_without_landmarks_has_the_mean_landmarks(network, trained, faces):
    found = network(**faces)
    assert torch.isfinite(found).all()
    faces["landmarks"][4] = trained["mlp"].standardize.mean
    torch.testing.assert_close(network(**faces), found)


def test_every_part_learns_from_the_first_step(network, faces):
    torch.nn.functional.cross_entropy(network(**faces), torch.arange(6)).backward()
    assert not [name for name, own in network.named_parameters() if own.grad is None]
    assert network.hidden.weight.grad[:, -16:].abs().sum() > 0  # what the hidden layer makes of the landmarks


def test_what_was_learned_before_has_a_learning_rate_of_its_own(network, params, change, monkeypatch):
    monkeypatch.setattr(Training, "trainer", SimpleNamespace(estimated_stepping_batches=10))
    recipe = change(params.fusion, lr=0.01, backbone_lr=0.001).recipe("full")
    module = Training(network, recipe, params.fusion.augment, torch.ones(7))
    groups = module.configure_optimizers()["optimizer"].param_groups
    rates = {id(own): group["initial_lr"] for group in groups for own in group["params"]}
    decay = {id(own): group["weight_decay"] for group in groups for own in group["params"]}
    assert sum(len(group["params"]) for group in groups) == len(rates)
    for name, own in network.named_parameters():
        assert rates[id(own)] == (0.001 if name.startswith(("cnn.", "mlp.")) else 0.01), name
        assert bool(decay[id(own)]) == (own.ndim > 1), name


def test_other_models_have_one_learning_rate(params):
    recipe = params.mlp.recipe("full")
    assert recipe.backbone_lr == recipe.lr == params.mlp.lr


def test_the_stage_records_what_the_network_begins_with(trained, monkeypatch):
    monkeypatch.setattr(check, "params", lambda: check.config.load())
    outcome = CliRunner().invoke(weights.main, ["fusion"])
    assert outcome.exit_code == 0, outcome.output
    origin = artifacts.read_json("models/fusion_weights/config.json")
    assert origin["source"] == "models/cnn/model.safetensors and models/mlp/model.safetensors"
    assert origin["arguments"]["mlp"]["hidden"] == [24, 16]
    assert origin["sha256"] in outcome.output
    assert len(origin["code"]) == 64


def test_before_both_are_trained_the_file_that_is_waited_for_is_named(params, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingFileError) as caught:
        FusionNet.arguments(params.fusion, paths.DATA)
    assert caught.value.path == fusion.START / "config.json"
    with pytest.raises(FerError, match=r"models/cnn/config\.json is missing"):
        pretrained.write_folder("fusion", params)


def test_weights_of_other_networks_are_refused(network):
    with pytest.raises(FerError, match="weights of other networks"):
        network.load_pretrained({"hidden.weight": torch.from_numpy(np.zeros((2, 2), np.float32))})
