"""Files outside the project: `make repro` notices that they have changed."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from fer import config, untracked
from tests import known_params


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose faces and weights lie outside."""
    content = known_params.read()
    (tmp_path / "faces/angry").mkdir(parents=True)
    (tmp_path / "faces/angry/a.png").write_text("a")
    (tmp_path / "backbone.safetensors").write_text("weights")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FER_IMAGENET_WEIGHTS", str(tmp_path / "backbone.safetensors"))
    known_params.merge(content, {"data": {"dataset": str(tmp_path / "faces")}, "cnn": {"weights": "imagenet"}})
    return config.Params(**content)


def read(project, *stages):
    for stage in stages:
        with untracked.reading(stage, project):
            pass


def test_what_changed_is_named_and_what_never_ran_is_not(project):
    assert untracked.changed(project) == []
    read(project, "download", "weights@cnn")
    assert untracked.changed(project) == []
    Path("faces/angry/b.png").write_text("b")
    assert untracked.changed(project) == ["download"]
    Path("backbone.safetensors").write_text("other weights")
    assert untracked.changed(project) == ["download", "weights@cnn"]
    read(project, "download")
    assert untracked.changed(project) == ["weights@cnn"]


def test_a_change_while_a_stage_reads_counts(project):
    with untracked.reading("download", project):
        Path("faces/angry/a.png").write_text("changed")
    assert untracked.changed(project) == ["download"]


def test_a_stage_that_fails_has_read_nothing(project):
    read(project, "download")
    Path("faces/angry/b.png").write_text("b")
    with pytest.raises(ValueError, match="damaged"), untracked.reading("download", project):
        raise ValueError("damaged")
    assert untracked.changed(project) == ["download"]


def test_another_file_in_the_variable_counts_too(project, monkeypatch):
    read(project, "weights@cnn")
    os.link("backbone.safetensors", "other.safetensors")
    monkeypatch.setenv("FER_IMAGENET_WEIGHTS", "other.safetensors")
    assert untracked.changed(project) == ["weights@cnn"]


def test_votes_that_are_there_now_change_the_error_analysis(project, change, monkeypatch):
    params = project.model_copy(update={"data": change(project.data, dataset="fer2013")})
    read(params, "error_analysis")
    assert untracked.changed(params) == []
    Path("votes.csv").write_text("votes")
    monkeypatch.setenv("FERPLUS_ARCHIVE", "votes.csv")
    assert untracked.changed(params) == ["error_analysis"]
    assert untracked.changed(project) == []  # its faces are not FER2013's


def test_damaged_notes_are_forgotten(project):
    untracked.NOTES.parent.mkdir()
    untracked.NOTES.write_text("{")
    assert untracked.changed(project) == []
    read(project, "download")
    assert untracked.changed(project) == []


def test_files_that_are_not_at_hand_now_force_no_download(project, monkeypatch):
    read(project, "weights@cnn")
    monkeypatch.delenv("FER_IMAGENET_WEIGHTS")
    assert untracked.changed(project) == []


def test_the_command_prints_a_stage_a_line(project, monkeypatch):
    monkeypatch.setattr(config, "load", lambda: project)
    read(project, "download", "weights@cnn")
    Path("faces/angry/b.png").write_text("b")
    Path("backbone.safetensors").write_text("other weights")
    assert CliRunner().invoke(untracked.main, catch_exceptions=False).output == "download\nweights@cnn\n"


def test_two_stages_that_end_at_once_are_both_noted(project):
    with untracked.reading("weights@cnn", project), untracked.reading("download", project):
        pass
    assert set(untracked.NOTES.read_text().split('"')) >= {"weights@cnn", "download"}
