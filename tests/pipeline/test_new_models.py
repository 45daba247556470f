"""A model is one file: what docs/architecture.md ("How to add a model") lists is enough."""

import shutil

import pytest
import yaml

from tests.pipeline.conftest import Project, commit

pytestmark = pytest.mark.slow
TOY = '''
from torch import nn

from fer.emotions import EMOTIONS
from fer.models.on_landmarks import LandmarkModel, Standardize
from fer.sizes import POINTS


class LinearModel(LandmarkModel):
    """Softmax regression on normalised landmarks."""

    def __init__(self) -> None:
        super().__init__()
        self.standardize = Standardize((POINTS, 3))
        self.layer = nn.Linear(POINTS * 3, len(EMOTIONS))

    @classmethod
    def arguments(cls, settings, data):
        return {}

    def learn_statistics(self, faces, data):
        self.standardize.fit(faces)

    def forward(self, landmarks):
        return self.layer(self.standardize(landmarks).flatten(1))
'''
TOY_SECTION = '''
class Linear(LandmarkModel):
    """Softmax regression."""

    network: ClassVar[str] = "fer.models.linear:LinearModel"


class Params(Section):
'''


@pytest.fixture
def project(built: Project, tmp_path) -> Project:
    """The built project with its cache, to be changed as one likes."""
    shutil.copytree(built.folder, tmp_path / "copy", symlinks=True)
    copy = Project(tmp_path / "copy")
    copy.run("git", "checkout", "-q", "--", ".")
    return copy


def edit(project: Project, file: str, old: str, new: str) -> None:
    path = project.folder / file
    assert path.read_text().count(old) == 1, (file, old)
    path.write_text(path.read_text().replace(old, new))


def add_section(project: Project, name: str, like: str, **values) -> None:
    path = project.folder / "params.yaml"
    content = yaml.safe_load(path.read_text())
    content[name] = content[like] | values
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def changed(project: Project) -> set[str]:
    return {line[3:] for line in project.run("git", "status", "--porcelain").splitlines()}


def test_a_toy_model_by_the_listed_edits_gets_its_row_in_the_report(project):
    (project.folder / "fer/models/linear.py").write_text(TOY.lstrip())
    edit(project, "fer/config.py", "\nclass Params(Section):\n", TOY_SECTION)
    edit(project, "fer/config.py", "    mlp: Mlp\n", "    mlp: Mlp\n    linear: Linear\n")
    add_section(project, "linear", like="mlp")
    content = yaml.safe_load((project.folder / "params.yaml").read_text())
    del content["linear"]["hidden"]
    (project.folder / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    entry = "      linear: {code: linear, shared: on_landmarks, also: landmarks/symmetry, "
    entry += "sees: data/landmarks, starts: data/landmarks}\n"
    edit(project, "dvc.yaml", "      gnn: {", entry + "      gnn: {")
    assert len(changed(project)) <= 4

    output = project.dvc("repro")
    ran = {line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")}
    assert ran == {"train@linear", "evaluate@linear", "export@linear", "compare"}
    report = (project.folder / "reports/comparison.md").read_text()
    assert [line for line in report.splitlines() if line.startswith("| linear ")]
    assert "metrics/linear.json" in project.dvc("metrics", "show")
    project.dvc("plots", "show", "--out", "page")
    html = (project.folder / "page/index.html").read_text()
    assert "plots/confusion/linear.csv" in html
    assert "plots/curves/linear.csv" in html


def test_a_second_image_network_differs_in_its_section_alone(project):
    edit(project, "fer/config.py", "    cnn: Cnn\n", "    cnn: Cnn\n    second: Cnn\n")
    add_section(project, "second", like="cnn", backbone="timm:test_resnet", hidden=16)
    entry = "      second: {code: cnn, shared: on_pixels, also: models/cnn, "
    entry += "sees: data/faces/images.npy, starts: models/second_partial}\n"
    edit(project, "dvc.yaml", "      cnn: {code", entry + "      cnn: {code")
    edit(project, "dvc.yaml", "      cnn: cnn\n", "      cnn: cnn\n      second: cnn\n")
    commit(project, "second")
    project.dvc("repro", "compare")
    report = (project.folder / "reports/comparison.md").read_text()
    assert [line for line in report.splitlines() if line.startswith("| second ")]
    project.set("second.partial.blocks", 99)
    assert "second.partial.blocks = 99" in project.dvc("repro", "train_partial@second", fails=True)
