import hashlib
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file

from fer.errors import FerError
from fer.models import pretrained
from fer.models.cnn import make_backbone

NAME = "mobilenet_v3_small"


@pytest.fixture
def backbone():
    return make_backbone(NAME, 32)[0]


@pytest.fixture
def file(tmp_path):
    torch.manual_seed(5)
    tensors = {
        key: value.half() for key, value in make_backbone(NAME, 32)[0].state_dict().items() if "num_batches" not in key
    }
    save_file(tensors | {"classifier.0.weight": torch.zeros(3)}, tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors"


@pytest.mark.parametrize("named", ["setting", "environment"])
def test_a_local_file_is_used_and_proved(backbone, file, named):
    weights, environment = (str(file), {}) if named == "setting" else ("imagenet", {pretrained.VARIABLE: str(file)})
    origin = pretrained.load(backbone, NAME, weights, environment)
    assert origin["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    expected = make_backbone(NAME, 32)[0]
    pretrained.load(expected, NAME, str(file), {})
    for key, value in backbone.state_dict().items():
        assert torch.equal(value, expected.state_dict()[key])


def test_none_leaves_the_backbone_alone(backbone):
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    assert pretrained.load(backbone, NAME, "none", {}) == {"source": "none", "sha256": None}
    assert all(torch.equal(before[key], value) for key, value in backbone.state_dict().items())


def test_no_network_names_the_choices(backbone, monkeypatch):
    def unreachable(*_, **__):
        raise URLError("no network")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", unreachable)
    with pytest.raises(FerError, match="FER_IMAGENET_WEIGHTS") as error:
        pretrained.load(backbone, NAME, "imagenet", {})
    assert "cnn.weights=none" in error.value.message


def test_files_that_do_not_help(backbone, file, tmp_path):
    with pytest.raises(FerError, match="is no file"):
        pretrained.load(backbone, NAME, str(tmp_path / "missing"), {})
    (tmp_path / "text").write_text("not tensors, but long enough to look at")
    with pytest.raises(FerError, match="no safetensors file"):
        pretrained.load(backbone, NAME, str(tmp_path / "text"), {})
    other = make_backbone("resnet18", 32)[0]
    with pytest.raises(FerError, match="does not hold the weights of resnet18"):
        pretrained.load(other, "resnet18", str(file), {})
