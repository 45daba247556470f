"""`python -m fer.check`: what `dvc repro` would run, in a small project; and which settings it remembers as right."""

import contextlib
import json
import os
import shutil
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from fer import check, paths
from fer.errors import FerError, MissingFileError
from fer.models.gnn import LandmarkGNN

STAGES = {"first": "source.txt", "second": "first.txt", "third": "second.txt"}  # what each one reads


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Three stages in a row, after one `dvc repro`; DVC's cache has all of their files but the second one's."""
    folder = tmp_path_factory.mktemp("project")
    stages = {
        name: {
            "cmd": f"(cat {source} && echo {name}) > {name}.txt && echo {name} >> ran.log",
            "deps": [source],
            "outs": [{f"{name}.txt": {"cache": name != "second"}}],
        }
        for name, source in STAGES.items()
    }
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    (folder / "source.txt").write_text("source")
    with contextlib.chdir(folder), Repo.init(no_scm=True) as repo:
        repo.reproduce()
    return folder


@pytest.fixture
def project(finished, tmp_path, monkeypatch):
    shutil.copytree(finished, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")


def ran() -> list[str]:
    """The stages that `dvc repro` now runs."""
    Path("ran.log").write_text("")
    with Repo() as repo:
        repo.reproduce()
    return Path("ran.log").read_text().split()


pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")


def test_nothing_has_changed(project, capsys):
    assert check.would_run() == ran() == []
    assert capsys.readouterr().out == ""  # DVC itself would print a line a stage


def test_a_running_dvc_is_named(project):
    busy = {"write": {str(Path("source.txt").resolve()): {"pid": os.getppid(), "cmd": "dvc repro"}}}
    Path(".dvc/tmp/rwlock").write_text(json.dumps(busy))
    Path("source.txt").write_text("changed")
    with pytest.raises(FerError, match=r"source\.txt' is busy.* dvc repro"):
        check.would_run()


@pytest.mark.slow
def test_a_changed_file_runs_its_stage_and_those_after_it(project):
    Path("second.txt").write_text("changed")
    assert check.would_run() == ["second", "third"]
    assert set(ran()) <= {"second", "third"}
    Path("source.txt").write_text("changed")
    assert check.would_run() == ran() == list(STAGES)


@pytest.mark.slow
def test_a_fresh_clone_has_neither_files_nor_a_cache(project):
    for path in ("first.txt", "third.txt"):
        Path(path).unlink()
    shutil.rmtree(".dvc/cache")
    assert check.would_run() == list(STAGES)
    assert ran() == ["first", "third"]  # the second stage reads what it has read before
    assert check.would_run() == []


def test_a_project_without_dvc_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FerError, match="DVC can't tell"):
        check.would_run()


@pytest.fixture
def built(monkeypatch):
    """The models whose networks were built."""
    names = []
    monkeypatch.setattr(check, "_build", lambda name, _: names.append(name))
    return names


def test_settings_are_checked_once(params, built, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(check, "_file", lambda *_: None)
    assert list(check._networks(params)) == []
    assert "mlp" in built
    built.clear()
    assert list(check._networks(params)) == []
    assert built == []


def test_a_network_that_waits_for_a_file_is_checked_when_it_is_there(params, built, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(check, "_file", lambda *_: None)
    graph = paths.GRAPHS / "edge_index.npy"

    def build(name, _):
        built.append(name)
        if name == "gnn" and not graph.exists():
            raise MissingFileError(graph, "")

    monkeypatch.setattr(check, "_build", build)
    assert list(check._networks(params)) == []
    built.clear()
    assert list(check._networks(params)) == []
    assert built == []  # it can't be built yet, which the note says
    graph.parent.mkdir(parents=True)
    graph.write_text("")
    assert list(check._networks(params)) == []
    assert "gnn" in built


def test_the_gnn_names_the_file_that_it_waits_for(params, tmp_path):
    with pytest.raises(MissingFileError) as error:
        LandmarkGNN.arguments(params.gnn, tmp_path)
    assert error.value.path.parent == tmp_path / "graphs"


def test_damaged_notes_are_forgotten(params, built, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(check, "_file", lambda *_: None)
    check.NOTE.parent.mkdir()
    for content in ("{", "[]", '{"mlp": 7, "cnn": null}'):
        check.NOTE.write_text(content)
        built.clear()
        assert list(check._networks(params)) == []
        assert "mlp" in built
