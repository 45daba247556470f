"""A folder in which `fer predict` is at home: a small network that was never trained, and a real photo."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fer import cli
from fer.emotions import EMOTIONS
from tests.known_params import TOP

PHOTO = TOP / "docs/images/astronaut.jpg"
ABOUT = {
    "name": "small", "sees": "pixels", "weights": "0" * 64, "precision": "float32", "val": 0.5, "test": 0.5,
    "dataset": "fer2013", "version": "0", "licence": "MIT", "emotions": list(EMOTIONS),
}  # fmt: skip


@pytest.fixture(scope="session")
def networks(tmp_path_factory):
    """A network on pixels and one on landmarks, each as it is and as an ONNX file."""
    import torch

    from fer import models
    from fer.export import onnx_file

    folder = tmp_path_factory.mktemp("networks")
    torch.manual_seed(0)
    cnn = models.network("cnn")(backbone="timm:test_resnet", hidden=8, dropout=0.0, image_size=32).eval()
    mlp = models.network("mlp")(hidden=(8,), dropout=0.0).eval()
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)
    points = np.random.default_rng(0).normal(size=(3, 478, 3)).astype(np.float32)
    onnx_file.write(folder / "small.onnx", cnn, faces, ABOUT)
    seen = {"confidence": 0.1, "views": [{"border": 0.25, "size": 192, "mirrored": False, "interpolation": "cubic"}]}
    onnx_file.write(
        folder / "points.onnx",
        mlp,
        points,
        ABOUT | {"name": "points", "sees": "landmarks", "val": 0.4, "landmarks": seen},
    )
    return folder, cnn, faces


@pytest.fixture
def home(networks, tmp_path, monkeypatch):
    """The working folder, with the models of one's own training and no others."""
    folder, _, _ = networks
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fer.inference.registry.packaged", lambda: tmp_path / "nothing")
    shutil.copytree(folder, "models/onnx")
    return tmp_path


@pytest.fixture
def photo(home) -> Path:
    """A real photo: Eileen Collins, by NASA, in the public domain."""
    shutil.copy(PHOTO, "photo.jpg")
    return Path("photo.jpg")


def fer(*arguments, **options):
    """Run the command `fer` in this process."""
    return CliRunner().invoke(cli.main, list(map(str, arguments)), **options)
