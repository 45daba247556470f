"""The models that come with the package are those that the manifest describes."""

from pathlib import Path

import pytest

from fer import artifacts, hashing, release
from fer.config import ensembles
from fer.inference import detect, registry
from fer.inference.network import Network
from fer.landmarks import network as landmark_network
from fer.models import MODELS
from tests.known_params import TOP

FOLDER = TOP / release.PACKAGE
MANIFEST = artifacts.read_json(FOLDER / release.MANIFEST)
ENSEMBLES = MANIFEST.get("ensembles", {})


def test_every_model_is_there_and_the_default_is_the_best_on_val():
    assert set(MANIFEST["models"]) == {path.stem for path in FOLDER.glob("*.onnx")} <= set(MODELS)
    entries = MANIFEST["models"] | ENSEMBLES
    assert MANIFEST["default"] == max(entries, key=lambda name: entries[name]["val"])


def test_an_ensemble_is_the_one_that_was_measured():
    files = {path.stem for path in FOLDER.glob("*.json")} - {Path(release.MANIFEST).stem}
    assert files == set(ENSEMBLES) <= set(ensembles())
    for name, entry in ENSEMBLES.items():
        assert hashing.sha256_of_file(FOLDER / f"{name}.json") == entry["sha256"]
        drawn = release.accuracy_on_drawn_faces(*registry.load([name]))
        assert drawn == pytest.approx(entry["drawn"], abs=2.1 / release.DRAWN_FACES)


@pytest.mark.parametrize("name", MANIFEST["models"])
def test_a_file_is_the_one_that_was_measured(name):
    entry = MANIFEST["models"][name]
    assert entry["file"] == f"{name}.onnx"
    assert hashing.sha256_of_file(FOLDER / entry["file"]) == entry["sha256"]
    about = Network(FOLDER / entry["file"]).about
    assert about.name == name
    assert list(about.inputs) == entry["inputs"]
    for key in ("precision", "dataset", "weights", "version", "licence"):
        assert getattr(about, key) == entry[key]
    assert entry["drawn"] > 1.5 / 7
    assert abs(entry["val"] - entry["test"]) < 0.04


@pytest.mark.slow
@pytest.mark.parametrize("name", MANIFEST["models"])
def test_a_file_answers_as_when_it_was_released(name):
    entry = MANIFEST["models"][name]
    # Sums are rounded differently on other processors: two faces may tip over.
    drawn = release.accuracy_on_drawn_faces(Network(FOLDER / entry["file"]))
    assert drawn == pytest.approx(entry["drawn"], abs=2.1 / release.DRAWN_FACES)


def test_together_they_are_small():
    files = [*FOLDER.rglob("*.onnx")]
    assert {detect.network(), landmark_network.FILE} < set(files)
    assert sum(path.stat().st_size for path in files) <= 25e6
