"""What dvc.yaml names by hand agrees with the table of models, and `fer.check` names what does not."""

import copy

import pytest
import yaml
from click.testing import CliRunner

from fer import check, config, pipeline_file
from tests.known_params import TOP

PIPELINE = yaml.safe_load((TOP / "dvc.yaml").read_text())


def test_nothing_is_missing():
    assert list(pipeline_file.problems(PIPELINE)) == []


def without(key, name):
    """The pipeline without an entry."""
    pipeline = copy.deepcopy(PIPELINE)
    [entries] = [one for one in pipeline["vars"] if key in one]
    if isinstance(entries[key], dict):
        del entries[key][name]
    else:
        entries[key].remove(name)
    return pipeline


@pytest.mark.parametrize(("key", "name"), [("models", "gnn"), ("ensembles", "ensemble"), ("students", "tiny")])
def test_a_missing_entry_is_named(key, name):
    assert f"dvc.yaml has no entry {name} under `{key}`." in list(pipeline_file.problems(without(key, name)))


def test_an_entry_without_a_section_is_named():
    pipeline = copy.deepcopy(PIPELINE)
    next(one for one in pipeline["vars"] if "students" in one)["students"].append("pupil")
    [said] = pipeline_file.problems(pipeline)
    assert said == "dvc.yaml has an entry pupil under `students`, which `Params` in fer/config.py does not have."


@pytest.mark.parametrize(
    ("stage", "file"),
    [
        ("ensemble", "data/predictions/gnn.parquet"),
        ("soft_labels", "models/gnn"),
        ("soft_labels", "models/onnx/ensemble.json"),
        ("soft_labels", "fer/models/gnn.py"),
        ("error_analysis", "data/predictions/ensemble.parquet"),
        ("error_analysis", "data/predictions/tiny.parquet"),
        ("explain", "data/predictions/gnn.parquet"),
        ("explain", "models/gnn"),
        ("explain", "fer/models/gnn.py"),
    ],
)
def test_a_missing_dependency_is_named(stage, file):
    pipeline = copy.deepcopy(PIPELINE)
    content = pipeline["stages"][stage]
    content.get("do", content)["deps"].remove(file)
    assert list(pipeline_file.problems(pipeline)) == [f"In dvc.yaml, the stage {stage} must depend on {file}."]


def test_a_student_is_no_teacher():
    deps = PIPELINE["stages"]["soft_labels"]["do"]["deps"]
    assert not [name for name in config.students() if f"models/{name}" in deps]


def test_the_check_says_what_is_missing(monkeypatch):
    monkeypatch.chdir(TOP)
    monkeypatch.setattr(check, "params", lambda: None)
    monkeypatch.setattr(check, "warnings", lambda found: iter(()))
    monkeypatch.setattr(check, "would_run", list)
    monkeypatch.setattr(pipeline_file, "problems", lambda content: ["In dvc.yaml, something."] * ("stages" in content))
    done = CliRunner().invoke(check.main)
    assert (done.exit_code, done.output.splitlines()[-1]) == (1, "Error: In dvc.yaml, something.")
