"""`python -m fer.release`: exported models into the package."""

import json
import shutil

import numpy as np
import onnx
import pandas as pd
import pytest
from click.testing import CliRunner

from fer import artifacts, release
from fer.data import drawn
from fer.export import onnx_file
from fer.inference.network import Network
from tests import known_params


@pytest.fixture
def project(networks, tmp_path, monkeypatch):
    """A folder with data of 70 drawn faces and an exported network on pixels, `small`."""
    monkeypatch.chdir(tmp_path)
    known_params.write(tmp_path / "params.yaml")
    faces = drawn.draw(70, seed=1)
    faces.save("data/faces")
    split = np.array(["train", "val", "test"])[np.arange(70) % 3]
    table = faces.table[["name"]].assign(
        row=range(70), split=split, reason="", duplicate_group=-1, unseen=split == "test"
    )
    artifacts.write_table("data/splits.csv", pd.DataFrame(table))
    (tmp_path / "models/onnx").mkdir(parents=True)
    shutil.copy(networks[0] / "small.onnx", "models/onnx/small.onnx")
    (tmp_path / "fer/pretrained").mkdir(parents=True)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(release.main, arguments)


@pytest.mark.slow
def test_a_released_file_is_measured_as_it_is_shipped(project):
    result = run("small:int8")
    assert result.exit_code == 0, result.output
    manifest = json.loads((project / "fer/pretrained/manifest.json").read_text())
    entry = manifest["models"]["small"]
    network = Network(project / "fer/pretrained/small.onnx")
    assert (manifest["default"], entry["precision"], network.about.precision) == ("small", "int8", "int8")
    faces = drawn.draw(70, seed=1)
    rows = np.arange(70)[np.arange(70) % 3 == 1]
    answers = network.probabilities({"pixels": faces.images[rows]})
    assert entry["val"] == pytest.approx((answers.argmax(1) == faces.labels[rows]).mean(), abs=1e-4)
    assert network.path.stat().st_size < (project / "models/onnx/small.onnx").stat().st_size


@pytest.mark.slow
def test_weights_in_sixteen_bits(project):
    assert run("small:float16").exit_code == 0
    small, exported = (Network(path) for path in ("fer/pretrained/small.onnx", "models/onnx/small.onnx"))
    assert small.about.precision == "float16"
    assert small.path.stat().st_size < 0.7 * exported.path.stat().st_size
    faces = {"pixels": drawn.draw(8, seed=2).images}
    np.testing.assert_allclose(small.probabilities(faces), exported.probabilities(faces), atol=2e-3)


def test_models_that_are_no_longer_released_leave_the_package(project):
    shutil.copy("models/onnx/small.onnx", "fer/pretrained/old.onnx")
    assert run("small").exit_code == 0
    assert [path.name for path in (project / "fer/pretrained").glob("*.onnx")] == ["small.onnx"]


def test_models_of_another_data_set_can_stay(project, ensemble):
    assert run("small").exit_code == 0
    small = json.loads((project / "fer/pretrained/manifest.json").read_text())["models"]["small"]
    assert run("other", "--keep").exit_code == 0
    manifest = json.loads((project / "fer/pretrained/manifest.json").read_text())
    assert manifest["default"] == "small"
    assert manifest["models"].keys() == {"small", "other"}
    assert manifest["models"]["small"] == small
    assert (project / "fer/pretrained/small.onnx").is_file()
    assert run("other", "--keep", "--default", "other").exit_code == 0
    assert run("other", "--keep", "--default", "small").exit_code == 0
    assert json.loads((project / "fer/pretrained/manifest.json").read_text()) == manifest


@pytest.fixture
def ensemble(project, networks):
    """An ensemble of `small` and a second network on pixels, `other`."""
    model = onnx.load(networks[0] / "small.onnx")
    onnx_file.describe(model, onnx_file.metadata(model) | {"name": "other"})
    for tensor in model.graph.initializer:
        if tensor.name.endswith("head.4.bias"):
            values = onnx.numpy_helper.to_array(tensor)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values[::-1].copy(), tensor.name))
    onnx.save(model, "models/onnx/other.onnx")
    artifacts.write_json("models/onnx/ensemble.json", {"members": {"small": 0.75, "other": 0.25}})


@pytest.mark.slow
def test_an_ensemble_is_copied_with_the_manifest_and_measured_as_its_members_are_shipped(project, ensemble):
    (project / "fer/pretrained/old.json").write_text("{}")
    result = run("ensemble", "small:int8", "other")
    assert result.exit_code == 0, result.output
    folder = project / "fer/pretrained"
    assert {path.name for path in folder.iterdir()} == {"ensemble.json", "manifest.json", "other.onnx", "small.onnx"}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["default"] == "ensemble"
    entry = manifest["ensembles"]["ensemble"]
    assert entry["inputs"] == ["pixels"]
    faces = drawn.draw(70, seed=1)
    rows = np.arange(70)[np.arange(70) % 3 == 1]
    small, other = (Network(folder / f"{name}.onnx") for name in ("small", "other"))
    pixels = {"pixels": faces.images[rows]}
    answers = 0.75 * small.probabilities(pixels) + 0.25 * other.probabilities(pixels)
    assert entry["val"] == pytest.approx((answers.argmax(1) == faces.labels[rows]).mean(), abs=1e-4)


def test_an_ensemble_without_its_members_is_refused(project, ensemble):
    result = run("small", "ensemble")
    assert result.exit_code == 1
    assert "The ensemble ensemble needs other: name it too." in result.output
    assert not list((project / "fer/pretrained").iterdir())


@pytest.mark.parametrize(
    ("arguments", "says", "status"),
    [
        (("nothing",), "nothing.onnx", 2),
        (("small:int4",), "int4 is not a precision", 2),
        (("small", "--default", "other"), "not one of the released models", 1),
        ((), "Missing argument", 2),
    ],
)
def test_what_is_wrong_is_one_line_and_changes_nothing(project, arguments, says, status):
    result = run(*arguments)
    assert result.exit_code == status, result.output
    assert says in result.output
    assert not list((project / "fer/pretrained").iterdir())


def test_a_model_is_not_measured_on_another_data_set(project):
    settings = (project / "params.yaml").read_text().replace("dataset: fer2013", "dataset: drawn")
    (project / "params.yaml").write_text(settings)
    result = run("small")
    assert result.exit_code == 1
    assert "small.onnx is trained on fer2013, and would be measured on drawn" in result.output
    assert not list((project / "fer/pretrained").iterdir())
