"""A folder in which `fer predict` works: the small `networks` as a package, and a real photo."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fer import cli
from tests.known_params import TOP

PHOTO = TOP / "docs/images/astronaut.jpg"


@pytest.fixture
def home(networks, tmp_path, monkeypatch):
    """The working folder; the package holds the two models, `small` is the default."""
    folder, _, _ = networks
    work, package = tmp_path / "work", tmp_path / "package"
    work.mkdir()
    shutil.copytree(folder, package)
    entry = {"precision": "float32", "val": 0.5, "test": 0.5, "dataset": "fer2013", "weights": "0" * 64}
    entries = {
        name: {"file": f"{name}.onnx", "inputs": [kind], **entry}
        for name, kind in (("points", "landmarks"), ("small", "pixels"))
    }
    (package / "manifest.json").write_text(json.dumps({"default": "small", "models": entries}))
    monkeypatch.setattr("fer.inference.registry.packaged", lambda: package)
    monkeypatch.chdir(work)
    return work


class SomeLandmarks:
    """Stands for a Locator: landmarks that depend on the face; none in a face that is black."""

    def __init__(self, settings, threads=None):
        self.settings = settings

    def average(self, crops):
        found = crops.any(axis=(1, 2))
        points = (
            np.random.default_rng(1).normal(size=(len(crops), 478, 3)) * (crops.mean(axis=(1, 2)) / 255)[:, None, None]
        )
        points[~found] = np.nan
        return points.astype(np.float32), found.astype(np.uint8)

    def locate(self, crops):
        points = np.random.default_rng(2).random((len(crops), 478, 3))
        return np.where(crops.any(axis=(1, 2))[:, None, None], points, np.nan).astype(np.float32)


@pytest.fixture
def landmarks(monkeypatch):
    """Landmarks of any face, without the network that finds them."""
    monkeypatch.setattr("fer.landmarks.extract.Locator", SomeLandmarks)


@pytest.fixture
def photo(home) -> Path:
    """A real photo: Eileen Collins, by NASA, in the public domain."""
    shutil.copy(PHOTO, "photo.jpg")
    return Path("photo.jpg")


def fer(*arguments, **options):
    """Run the command `fer` in this process."""
    return CliRunner().invoke(cli.main, list(map(str, arguments)), **options)
