"""What the stages read of each other may be damaged: garbage, another shape, cut off, of another kind."""

import contextlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from fer import artifacts, writing
from fer.errors import FerError
from fer.landmarks.extract import FaceLandmarks
from tests import known_params
from tests.hostile.conftest import SMALL, STAGES

DRAWN = {"data": {"dataset": "drawn", "drawn_faces": 140}}
TINY_MLP = {"mlp": {"hidden": [4], "epochs": 1, "optim": {"batch_size": 32, "patience": 0}}}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project of drawn faces with random landmarks and a trained mlp."""
    content = known_params.read()
    known_params.merge(content, SMALL | DRAWN | TINY_MLP)
    folder = tmp_path_factory.mktemp("project")
    with contextlib.chdir(folder):
        Path("params.yaml").write_text(yaml.safe_dump(content))
        points = np.random.default_rng(0).normal(0, 1, (140, 478, 3)).astype(np.float32)
        FaceLandmarks(points, np.ones(140, np.uint8)).save("data/landmarks")
        for name, *arguments in (("download",), ("split",), ("train", "mlp")):
            result = CliRunner().invoke(STAGES[name], arguments)
            assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def trained(project, stage):
    """Runs a stage in a copy of the project."""
    shutil.copytree(project, ".", dirs_exist_ok=True)
    return stage


def lines(path: str, change) -> None:
    text = Path(path).read_text().splitlines()
    Path(path).write_text("\n".join(change(text)) + "\n")


def config(**values) -> None:
    path = Path("models/mlp/config.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def replace_by_folder(path: str) -> None:
    Path(path).unlink()
    Path(path).mkdir()


CASES = {
    "splits: garbage": (lambda: Path("data/splits.csv").write_bytes(b"\x00\xff" * 99), "data/splits.csv"),
    "splits: empty": (lambda: Path("data/splits.csv").write_text(""), "data/splits.csv can't be read"),
    "splits: cut": (lambda: lines("data/splits.csv", lambda rows: rows[:50]), "its rows are not those of 140 faces"),
    "splits: no column": (lambda: lines("data/splits.csv", lambda rows: ["a,b", *rows[1:]]), "data/splits.csv"),
    "splits: other words": (
        lambda: lines("data/splits.csv", lambda rows: [row.replace("train", "treno") for row in rows]),
        "a split is none of train, val, test, excluded",
    ),
    "faces: other emotion": (
        lambda: lines("data/faces/faces.csv", lambda rows: [row.replace("happy", "merry") for row in rows]),
        "an emotion of the table is none of the seven",
    ),
    "faces: other shape": (lambda: np.save("data/faces/images.npy", np.zeros((3, 4), np.uint8)), "data/faces does not"),
    "faces: garbage": (lambda: Path("data/faces/images.npy").write_bytes(b"x" * 99), "images.npy can't be read"),
    "faces: objects": (lambda: np.save("data/faces/images.npy", np.array([{}])), "images.npy can't be read"),
    "landmarks: other shape": (lambda: np.save("data/landmarks/points.npy", np.zeros(3)), "holds no landmarks"),
    "landmarks: a folder": (lambda: replace_by_folder("data/landmarks/views.npy"), "views.npy can't be read"),
    "config: a list": (lambda: Path("models/mlp/config.json").write_text("[1, 2]"), "config.json can't be read"),
    "config: a number": (lambda: Path("models/mlp/config.json").write_text("7"), "config.json can't be read"),
    "config: no JSON": (lambda: Path("models/mlp/config.json").write_text("{"), "config.json can't be read"),
    "config: nothing": (lambda: Path("models/mlp/config.json").write_text("{}"), "config.json does not hold"),
    "config: a name of a kind": (lambda: config(name=["mlp"]), "holds the model \"['mlp']\" instead of mlp"),
    "config: arguments of a kind": (lambda: config(arguments=7), "config.json does not hold what it should"),
    "config: absurd arguments": (lambda: config(arguments={"hidden": [10**7, 10**7], "dropout": 0.1}), "do not fit"),
    "config: another model": (lambda: config(name="gnn"), "holds the model 'gnn' instead of mlp"),
    "config: other arguments": (lambda: config(arguments={"sizes": 3}), "do not fit its config.json"),
    "config: no epochs": (lambda: config(epochs="many"), "models/mlp does not hold what it should"),
    "weights: garbage": (lambda: Path("models/mlp/model.safetensors").write_bytes(b"x" * 99), "is damaged"),
    "weights: gone": (lambda: Path("models/mlp/model.safetensors").unlink(), "model.safetensors is missing"),
    "model: gone": (lambda: shutil.rmtree("models/mlp"), "config.json is missing"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_damaged_artefact_is_named(case, trained):
    damage, said = CASES[case]
    damage()
    result = trained("evaluate", "mlp")
    assert result.exit_code == 1, result.output
    assert said in result.output
    assert not Path("metrics/mlp.json").exists()


def test_a_damaged_result_stops_the_comparison(trained):
    assert trained("evaluate", "mlp").exit_code == 0
    assert trained("measure", "mlp").exit_code == 0
    for content in ("[]", "{}", '{"parameters": 1, "epochs": 1, "val": 3, "test": []}'):
        Path("metrics/test/mlp.json").write_text(content)
        result = trained("compare")
        assert result.exit_code == 1
        assert "mlp" in result.output


@pytest.mark.parametrize("blocked", [".cache", ".cache/locks", "models", "models/mlp", "metrics"])
def test_a_file_where_a_folder_should_be(blocked, trained):
    shutil.rmtree(blocked) if Path(blocked).exists() else None
    Path(blocked).write_text("")
    result = trained("train", "mlp")
    assert result.exit_code == 1
    assert blocked.partition("/")[0] in result.output


@pytest.mark.parametrize("place", [".cache/locks", "models", "metrics/times", "plots/curves"])
def test_a_folder_that_may_not_be_written(place, trained, monkeypatch):
    original = Path.mkdir

    def mkdir(self, *arguments, **options):
        if str(self).startswith(place):
            raise PermissionError(13, "Permission denied", str(self))
        original(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    result = trained("train", "mlp")
    assert result.exit_code == 1
    assert place in result.output
    assert "Permission denied" in result.output


def test_a_full_memory_is_one_line(trained, monkeypatch):
    from fer.models.mlp import LandmarkMLP

    for error in (MemoryError("Unable to allocate 9 TB"), RuntimeError("DefaultCPUAllocator: can't allocate memory")):
        monkeypatch.setattr(LandmarkMLP, "learn_statistics", lambda *_, error=error: (_ for _ in ()).throw(error))
        result = trained("train", "mlp")
        assert result.exit_code == 1
        assert "The memory is full" in result.output


@pytest.mark.slow
def test_nothing_of_a_failed_stage_is_written(trained, monkeypatch):
    assert trained("evaluate", "mlp").exit_code == 0
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file() and ".cache" not in path.parts}
    monkeypatch.setattr(artifacts, "write_json", lambda *_: (_ for _ in ()).throw(FerError("no")))
    assert trained("split").exit_code == 1
    assert trained("measure", "mlp").exit_code == 1
    after = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file() and ".cache" not in path.parts}
    assert after == before


@pytest.mark.slow
def test_what_a_killed_stage_left_is_swept_and_lies_beside_no_output(trained, monkeypatch):
    left = Path(".cache/temporary/split/.splits.part7-0.csv")
    left.write_text("half")
    seen = []
    original = writing.os.replace
    monkeypatch.setattr(writing.os, "replace", lambda old, new: (seen.append((old, new)), original(old, new)))
    trained("split")
    assert not left.exists()
    assert {(old if ".part" in old.name else new).parts[:3] for old, new in seen} == {(".cache", "temporary", "split")}


def test_landmarks_of_other_faces_do_not_fit(trained):
    FaceLandmarks(np.zeros((3, 478, 3), np.float32), np.ones(3, np.uint8)).save("data/landmarks")
    result = trained("graphs")
    assert result.exit_code == 1
    assert "its rows are not those of 3 faces" in result.output
    for name in ("train", "evaluate"):
        result = trained(name, "mlp")
        assert result.exit_code == 1
        assert "holds 140 faces, but the landmarks of 3" in result.output
