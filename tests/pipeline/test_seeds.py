"""A model over several seeds, by the command that a user types."""

import json
import shutil
import signal
import sys
import time

import psutil
import pytest

from fer import seeds
from tests.pipeline.conftest import EPOCHS, start, weights
from tests.pipeline.test_pipeline import started

pytestmark = pytest.mark.slow


def content(project):
    return json.loads((project.folder / "metrics/seeds/mlp.json").read_text())


def test_seeds_are_trained_once_each_and_shown_in_the_report(project):
    before = weights(project)
    output = project.call(seeds.main, "mlp", "--seeds", "1,42")
    assert "epoch 3/3" in output
    assert "(2 seeds)" in output
    found = content(project)
    assert set(found["runs"]) == {"1", "42"}
    pipeline = json.loads((project.folder / "metrics/mlp.json").read_text())
    assert found["runs"]["42"] == pipeline  # the seed of params.yaml gives the pipeline's own model
    assert "test" not in found
    assert found["settings"]["mlp.epochs"] == 3
    assert weights(project) == before

    command = (sys.executable, "-m", "fer.seeds", "mlp", "--seeds", "1,42", "--background")
    output = project.run(*command)  # nothing is trained again
    wait_for(int(output.split()[1]))
    log = (project.folder / ".cache/seeds/mlp.log").read_text()
    assert "seed 42: recorded" in log
    assert "epoch" not in log
    output = project.call(seeds.main, "mlp", "--seeds", "1", "--test")  # measured on test, not trained again
    assert "epoch" not in output
    assert "test" in content(project)["runs"]["1"]

    assert started(project.dvc("repro")) == {"compare"}
    assert "val over seeds" in (project.folder / "reports/comparison.md").read_text()
    assert "up to date" in project.dvc("status")


def wait_for(process):
    """Wait until a process that nobody waits for has ended."""
    while psutil.pid_exists(process) and psutil.Process(process).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.2)


def test_a_stopped_seed_goes_on_where_it_was(project):
    arguments = ("mlp", "-S", f"mlp.epochs={EPOCHS}", "--seeds", "5")
    project.call(seeds.main, *arguments)
    (folder,) = (project.folder / ".cache/seeds/mlp").glob("*/5")
    expected = (folder / "models/mlp/model.safetensors").read_bytes()
    shutil.rmtree(project.folder / ".cache/seeds")
    (project.folder / "metrics/seeds/mlp.json").unlink()

    process = start(
        project, "fer.seeds", *arguments, checkpoints=f".cache/seeds/mlp/{folder.parent.name}/5/.cache/training"
    )
    process.send_signal(signal.SIGSTOP)
    assert "is already running" in project.call(seeds.main, *arguments)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert f"of {EPOCHS} epochs are saved" in output
    assert "Going on after epoch" in project.call(seeds.main, *arguments)
    assert (folder / "models/mlp/model.safetensors").read_bytes() == expected


def test_stale_data_and_settings_of_other_stages_are_refused(project):
    output = project.call(seeds.main, "mlp", "-S", "data.seed=3", fails=True)
    assert "only mlp.*, graphs.*, train.* but the seed, and evaluate.* can be changed here" in output
    output = project.call(seeds.main, "mlp", "-S", "train.devices=2", fails=True)
    assert "set train.devices and train.nodes to 1" in output
    project.set("landmarks.presence", 0.4)
    output = project.call(seeds.main, "mlp", fails=True)
    assert "run `dvc repro landmarks` first" in output
    assert not (project.folder / "metrics/seeds/mlp.json").exists()


def test_a_model_of_several_phases(project):
    output = project.call(seeds.main, "cnn", "--seeds", "42")
    assert "cnn: val" in output
    found = json.loads((project.folder / "metrics/seeds/cnn.json").read_text())
    pipeline = json.loads((project.folder / "metrics/cnn.json").read_text())
    assert found["runs"]["42"] == pipeline
