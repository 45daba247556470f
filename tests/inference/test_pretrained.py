"""The models that come with the package are those that the manifest describes."""

import pytest

from fer import hashing, release
from fer.inference import detect, registry
from fer.inference.network import Network

MODELS = registry.released()


@pytest.mark.parametrize("name", MODELS)
def test_a_file_is_the_one_that_was_released(name):
    entry = release.artifacts.read_json(registry.packaged() / registry.MANIFEST)["models"][name]
    network = Network(MODELS[name].path)
    assert hashing.sha256_of_file(network.path) == entry["sha256"]
    assert [network.about.name, list(network.about.inputs)] == [name, entry["inputs"]]
    for key in ("precision", "dataset", "weights", "version", "licence"):
        assert getattr(network.about, key) == entry[key]
    # Eight bits are added up differently on other processors: two faces may tip over.
    drawn = release.accuracy_on_drawn_faces(network)
    assert drawn == pytest.approx(entry["drawn"], abs=2.1 / release.DRAWN_FACES)


def test_the_package_holds_the_released_models_alone():
    files = {path.name for path in registry.packaged().glob("*.onnx")}
    assert files == {model.path.name for model in MODELS.values()}
    assert sum(model.default for model in MODELS.values()) == 1
    assert detect.network().is_file()


def test_together_they_are_small():
    assert sum(path.stat().st_size for path in registry.packaged().rglob("*.onnx")) <= 30e6
