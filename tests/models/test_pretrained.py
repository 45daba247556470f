from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file

from fer import artifacts, hashing
from fer.errors import FerError, SettingError
from fer.models import pretrained
from fer.models.cnn import make_backbone

NAME = "mobilenet_v3_small"


@pytest.fixture
def backbone():
    return make_backbone(NAME)


@pytest.fixture
def file(tmp_path):
    torch.manual_seed(5)
    tensors = {key: value.half() for key, value in make_backbone(NAME).state_dict().items() if "num_batches" not in key}
    save_file(tensors | {"classifier.0.weight": torch.zeros(3)}, tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors"


@pytest.mark.slow
@pytest.mark.parametrize("named", ["setting", "environment", "folder"])
def test_a_local_file_is_used_and_proved(backbone, file, named):
    if named == "folder":
        file = file.rename(file.with_name(f"{NAME}_imagenet.safetensors"))
    local = file.parent if named == "folder" else file
    weights, environment = (str(file), {}) if named == "setting" else ("imagenet", {pretrained.VARIABLE: str(local)})
    tensors, origin = pretrained.fetch(backbone, NAME, weights, environment)
    assert origin["source"] == ("file" if named == "setting" else "imagenet")
    assert origin["sha256"] == hashing.sha256_of_file(file)
    assert "classifier.0.weight" not in tensors
    pretrained.fill(backbone, tensors, "test")
    for key, value in tensors.items():
        assert torch.equal(backbone.state_dict()[key], value.to(backbone.state_dict()[key].dtype))


def test_none_brings_nothing(backbone):
    assert pretrained.fetch(backbone, NAME, "none", {}) == ({}, {"source": "none", "sha256": None})


def test_no_network_names_the_choices(backbone, monkeypatch):
    def unreachable(*_, **__):
        raise URLError("no network")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", unreachable)
    with pytest.raises(SettingError, match="FER_IMAGENET_WEIGHTS") as error:
        pretrained.fetch(backbone, NAME, "imagenet", {})
    assert error.value.of("cnn").message.startswith("cnn.weights = imagenet: ")


def test_a_folder_names_the_file_that_it_lacks(tmp_path):
    name = "timm:test_resnet"
    with pytest.raises(SettingError, match=r"test_resnet_imagenet[.]safetensors, which is no file"):
        pretrained.fetch(make_backbone(name), name, "imagenet", {pretrained.VARIABLE: str(tmp_path)})


def test_files_that_do_not_help(backbone, file, tmp_path):
    with pytest.raises(SettingError, match="is no file"):
        pretrained.fetch(backbone, NAME, str(tmp_path / "missing"), {})
    (tmp_path / "text").write_text("not tensors, but long enough to look at")
    with pytest.raises(SettingError, match="no safetensors file"):
        pretrained.fetch(backbone, NAME, str(tmp_path / "text"), {})
    other = make_backbone("resnet18")
    with pytest.raises(SettingError, match="does not hold the weights of this backbone"):
        pretrained.fetch(other, "resnet18", str(file), {})
    with pytest.raises(FerError, match="test fetched the weights of another backbone"):
        pretrained.fill(other, pretrained.fetch(backbone, NAME, str(file), {})[0], "test")


def test_a_folder_for_the_first_phase(params, change, file, tmp_path):
    settings = change(params, cnn=change(params.cnn, backbone=NAME, weights=str(file)))
    origin = pretrained.write_folder("cnn", settings, tmp_path)
    tensors, config = artifacts.read_model(tmp_path / "cnn_weights")
    assert config == origin == {"source": "file", "sha256": hashing.sha256_of_file(file)}
    assert set(tensors) <= set(make_backbone(NAME).state_dict())
    with pytest.raises(FerError, match="mlp starts from scratch"):
        pretrained.write_folder("mlp", settings, tmp_path)


@pytest.mark.parametrize(
    "name", ["hf-hub:nobody/nothing", "local-dir:nowhere", "nothing", "", "hf-hub:", "no:such.tag"]
)
def test_a_backbone_that_timm_can_t_build_is_one_line(name, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(SettingError, match="timm has no such model") as error:
        make_backbone(f"timm:{name}")
    assert len(error.value.message.splitlines()) == 1
