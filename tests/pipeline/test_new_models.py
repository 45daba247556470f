"""A model is one file: what docs/architecture.md ("How to add a model") lists is enough."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml

from fer.emotions import EMOTIONS
from tests import known_params
from tests.pipeline.conftest import Project, commit

pytestmark = pytest.mark.slow
TOY = '''
from torch import nn

from fer.emotions import EMOTIONS
from fer.models.base import FaceModel
from fer.models.standardize import Standardize
from fer.sizes import POINTS


class LinearModel(FaceModel):
    """Softmax regression on normalised landmarks."""

    inputs = ("landmarks",)

    def __init__(self) -> None:
        super().__init__()
        self.standardize = Standardize((POINTS, 3))
        self.layer = nn.Linear(POINTS * 3, len(EMOTIONS))

    @classmethod
    def arguments(cls, settings, data):
        return {}

    def learn_statistics(self, inputs, data):
        self.standardize.fit(inputs["landmarks"])

    def forward(self, landmarks):
        return self.layer(self.standardize(landmarks).flatten(1))
'''
TOY_SECTION = '''
class Linear(LandmarkModel):
    """Softmax regression."""

    network: ClassVar[str] = "fer.models.linear:LinearModel"


class Params(Section):
'''


PAIR = '''
import torch
from torch import nn

from fer.emotions import EMOTIONS
from fer.inputs.pixels import enlarge
from fer.models.base import FaceModel
from fer.models.standardize import Standardize
from fer.sizes import POINTS


class PairModel(FaceModel):
    """A convolution on pixels and a linear layer on landmarks, joined before the head."""

    inputs = ("pixels", "landmarks")

    def __init__(self, image_size: int) -> None:
        super().__init__()
        self.image_size = image_size
        self.standardize = Standardize((POINTS, 3))
        self.convolution = nn.Conv2d(1, 8, 5, stride=4)
        self.points = nn.Linear(POINTS * 3, 16)
        self.head = nn.Linear(8 + 16, len(EMOTIONS))

    @classmethod
    def arguments(cls, settings, data):
        return {"image_size": settings.image_size}

    def learn_statistics(self, inputs, data):
        self.standardize.fit(inputs["landmarks"])

    def forward(self, pixels, landmarks):
        image = self.convolution(enlarge(pixels, self.image_size).unsqueeze(1) / 255).relu().mean((2, 3))
        points = self.points(self.standardize(landmarks).flatten(1)).relu()
        return self.head(torch.cat([image, points], dim=1))
'''
PAIR_SECTION = '''
class Pair(Model, Phase):
    """A network that sees pixels and landmarks."""

    network: ClassVar[str] = "fer.models.pair:PairModel"

    image_size: Annotated[int, Field(ge=32, le=512)]
    augment: AugmentBoth


class Params(Section):
'''
LANDMARK_ENTRY = """\
      linear:
        code: linear
        input: landmarks
        stored: data/landmarks
        second: landmarks
        second_stored: data/landmarks
        start: data/landmarks
"""
PAIR_ENTRY = """\
      pair:
        code: pair
        input: pixels
        stored: data/faces/images.npy
        second: landmarks
        second_stored: data/landmarks
        start: data/landmarks
"""
SECOND_ENTRY = """\
      second:
        code: cnn
        input: pixels
        stored: data/faces/images.npy
        second: pixels
        second_stored: data/faces/images.npy
        start: models/second_partial
"""
SECOND_PHASES = """\
      second_head: {model: second, code: cnn, input: pixels, phase: head, start: models/second_weights}
      second_partial: {model: second, code: cnn, input: pixels, phase: partial, start: models/second_head}
"""
MISSING = """
import yaml
from fer import pipeline_file
print(*pipeline_file.problems(yaml.safe_load(open("dvc.yaml"))), sep="\\n")
"""
LAST_MODEL, LAST_PHASE = "      gnn:\n        code: gnn\n", "      cnn_head: {"


def edit(project: Project, file: str, old: str, new: str) -> None:
    path = project.folder / file
    assert path.read_text().count(old) == 1, (file, old)
    path.write_text(path.read_text().replace(old, new))


def add_section(project: Project, name: str, like: str, without: tuple[str, ...] = (), **values) -> None:
    path = project.folder / "params.yaml"
    content = yaml.safe_load(path.read_text())
    content[name] = {key: value for key, value in (content[like] | values).items() if key not in without}
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def changed(project: Project) -> set[str]:
    return {line[3:] for line in project.run("git", "status", "--porcelain").splitlines()}


def files_changed(project: Project) -> set[str]:
    return {name for name in changed(project) if "__pycache__" not in name}


def reported(project: Project, name: str) -> bool:
    report = (project.folder / "reports/comparison.md").read_text()
    return any(line.startswith(f"| {name} ") for line in report.splitlines())


def missing(project: Project) -> list[str]:
    """What `python -m fer.check` says of dvc.yaml."""
    said = project.run("python", "-c", MISSING)
    return [line for line in said.splitlines() if "dvc.yaml" in line]


def ran(output: str) -> set[str]:
    return {line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")}


def add_model(
    project: Project, name: str, code: str, section: str, entry: str, without: tuple[str, ...], **values
) -> None:
    """The edits that docs/architecture.md lists; the values in params.yaml are the mlp's but for some."""
    (project.folder / f"fer/models/{name}.py").write_text(code.lstrip())
    edit(project, "fer/config.py", "\nclass Params(Section):\n", section)
    edit(project, "fer/config.py", "    mlp: Mlp\n", f"    mlp: Mlp\n    {name}: {name.capitalize()}\n")
    add_section(project, name, like="mlp", without=without, **values)
    edit(project, "dvc.yaml", LAST_MODEL, entry + LAST_MODEL)
    assert len(files_changed(project)) == 4


def test_a_toy_landmark_model_by_the_listed_edits_gets_its_row_in_the_report(project):
    add_model(project, "linear", TOY, TOY_SECTION, LANDMARK_ENTRY, without=("hidden",))

    output = project.dvc("repro")
    assert ran(output) == {f"{do}@linear" for do in ("train", "evaluate", "measure", "export")} | {"compare"}
    assert reported(project, "linear")
    assert "metrics/linear.json" in project.dvc("metrics", "show")
    project.dvc("plots", "show", "--out", "page")
    html = (project.folder / "page/index.html").read_text()
    assert "plots/confusion/linear.csv" in html
    assert "plots/curves/linear.csv" in html


def test_a_toy_model_of_two_inputs_goes_through_everything_by_the_listed_edits(project):
    content = yaml.safe_load((project.folder / "params.yaml").read_text())
    both = content["mlp"]["augment"] | content["cnn"]["augment"]
    values = {"image_size": 32, "augment": both}
    add_model(project, "pair", PAIR, PAIR_SECTION, PAIR_ENTRY, without=("hidden", "dropout"), **values)

    output = project.dvc("repro", "measure@pair", "export@pair")
    assert ran(output) == {f"{do}@pair" for do in ("train", "evaluate", "measure", "export")}
    photo = str(known_params.TOP / "docs/images/astronaut.jpg")
    answer = project.run(
        "python", "-m", "fer", "predict", photo, "--models", "models/onnx", "--model", "pair", "--tta", "4"
    )
    assert "pair (float32" in answer
    assert re.search(r"^ +1 ", answer, re.MULTILINE)


def test_a_second_image_network_differs_in_its_section_alone(project):
    edit(project, "fer/config.py", "    cnn: Cnn\n", "    cnn: Cnn\n    second: Cnn\n")
    add_section(project, "second", like="cnn", backbone="timm:test_resnet", hidden=16)
    edit(project, "dvc.yaml", LAST_MODEL, SECOND_ENTRY + LAST_MODEL)
    edit(project, "dvc.yaml", LAST_PHASE, SECOND_PHASES + LAST_PHASE)
    edit(project, "dvc.yaml", "      cnn: cnn\n", "      cnn: cnn\n      second: cnn\n")
    commit(project, "second")
    assert "measure@second" in ran(project.dvc("repro", "measure@second"))
    project.set("second.partial.blocks", 99)
    output = project.run("python", "-m", "stages.train", "second", "--phase", "partial", fails=True)
    assert "second.partial.blocks = 99" in output


def test_a_second_ensemble_by_the_listed_edits(project):
    edit(project, "fer/config.py", "    ensemble: Ensemble\n", "    ensemble: Ensemble\n    both: Ensemble\n")
    add_section(project, "both", like="ensemble", members=["cnn", "mlp"], weights="uniform")
    edit(project, "dvc.yaml", "  - ensembles: [ensemble]\n", "  - ensembles: [ensemble, both]\n")
    for file in ("models/onnx/ensemble.json", "data/predictions/ensemble.parquet"):
        line = f"        - {file}\n" if file.startswith("models") else f"      - {file}\n"
        edit(project, "dvc.yaml", line, line + line.replace("ensemble", "both"))
    assert not missing(project)
    assert files_changed(project) == {"dvc.yaml", "fer/config.py", "params.yaml"}
    output = project.dvc("repro")
    assert ran(output) == {"ensemble@both", "soft_labels@tiny", "error_analysis", "compare"}
    assert reported(project, "both")
    assert reported(project, "ensemble")
    assert "metrics/both.json" in project.dvc("metrics", "show")
    tables = [pd.read_parquet(project.folder / f"data/predictions/{name}.parquet") for name in ("cnn", "mlp", "both")]
    known = tables[1]["known"].to_numpy()
    cnn, mlp, both = (table[list(EMOTIONS)].to_numpy() for table in tables)
    np.testing.assert_allclose(both[known], ((cnn + mlp) / 2)[known], atol=1e-6)
    np.testing.assert_allclose(both[~known], cnn[~known], atol=1e-6)
    assert not ran(project.dvc("repro"))
    photo = str(known_params.TOP / "docs/images/astronaut.jpg")
    answer = project.run("python", "-m", "fer", "predict", photo, "--models", "models/onnx", "--model", "both")
    assert answer.count("50% of the average") == 2
