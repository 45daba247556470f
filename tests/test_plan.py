"""Estimates from recorded times."""

import subprocess
import sys

import pytest

from fer import artifacts, plan, stage_times
from fer.plan import Estimate


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A machine half as fast as the one of the recorded times."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stage_times, "speed", lambda: 50.0)
    artifacts.write_json(stage_times.FILE, {
        "split": {"seconds": 12.0, "speed": 100.0},
        "train@mlp": {"seconds": 9.0, "speed": 100.0},
    })  # fmt: skip
    artifacts.write_json("metrics/times/mlp.json", {"seconds": 60.0, "device": "cpu"})
    artifacts.write_json("metrics/times/cnn.json", {"seconds": 60.0, "device": "NVIDIA H100"})
    artifacts.write_json("metrics/times/gnn.json", {"seconds": 60.0, "device": "cpu"})


def test_a_time_is_scaled_by_the_speed_of_the_machines():
    assert plan.estimate("split", ["data/splits.csv"], {}, {}) == Estimate("split", 24.0)


def test_a_training_counts_what_it_took_before_an_interruption_too():
    assert plan.estimate("train@mlp", ["models/mlp", "metrics/times/mlp.json"], {}, {}).seconds == 120.0


def test_nothing_is_invented():
    assert plan.estimate("landmarks", ["data/landmarks"], {}, {}) == Estimate("landmarks", None)
    on_gpu = plan.estimate("train@cnn", ["metrics/times/cnn.json"], {}, {})
    assert (on_gpu.seconds, on_gpu.remark) == (60.0, "as recorded on NVIDIA H100")
    unknown = plan.estimate("train@gnn", ["metrics/times/gnn.json"], {}, {})
    assert (unknown.seconds, unknown.remark) == (60.0, "as recorded on a machine of unknown speed")


def test_other_settings_are_named_and_epochs_are_counted():
    before = {"cnn.head.epochs": 1, "cnn.full.epochs": 10, "cnn.dropout": 0.3, "train.seed": 1}
    now = {"cnn.head.epochs": 1, "cnn.full.epochs": 20, "cnn.dropout": 0.4, "train.seed": 1}
    found = plan.estimate("train@mlp", ["metrics/times/mlp.json"], before, now)
    assert found.seconds == 240.0
    assert found.remark == "for 20 instead of 10 epochs; recorded with a different cnn.dropout"


def test_a_stage_notes_its_time_only_under_dvc(monkeypatch):
    stage_times.FILE.unlink()
    monkeypatch.delenv("DVC_STAGE", raising=False)
    stage_times.record()
    assert not stage_times.FILE.exists()
    monkeypatch.setenv("DVC_STAGE", "split")
    stage_times.record()
    assert stage_times.read()["split"]["speed"] == 50.0
    assert stage_times.read()["split"]["seconds"] > 0


def test_the_speed_is_measured_once(tmp_path, monkeypatch):
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    first = stage_times.speed()
    assert first > 0
    assert stage_times.speed() == first


@pytest.mark.slow
def test_no_network_library_is_loaded():
    code = "import sys, fer.plan; assert not {'torch', 'lightning', 'pandas', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=plan.__file__.rpartition("/fer/")[0])
