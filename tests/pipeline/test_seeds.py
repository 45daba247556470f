"""A model over several seeds, by the command that a user types."""

import json
import signal
import sys
import time

import psutil
import pytest

from fer.models import MODELS
from tests.pipeline.conftest import start
from tests.pipeline.test_pipeline import started

pytestmark = pytest.mark.slow
SEEDS = (sys.executable, "-m", "fer.seeds", "mlp")


@pytest.fixture
def ready(restored):
    """The built project without any seed."""
    yield restored
    restored.run("rm", "-rf", ".cache/seeds", *(f"metrics/seeds/{model}.json" for model in MODELS))


def content(project):
    return json.loads((project.folder / "metrics/seeds/mlp.json").read_text())


def test_seeds_are_trained_once_each_and_shown_in_the_report(ready):
    before = (ready.folder / "models/mlp/model.safetensors").read_bytes()
    output = ready.run(*SEEDS, "--seeds", "1,42")
    assert "epoch 3/3" in output
    assert "(2 seeds)" in output
    found = content(ready)
    assert set(found["runs"]) == {"1", "42"}
    pipeline = json.loads((ready.folder / "metrics/mlp.json").read_text())
    assert found["runs"]["42"] == pipeline  # the seed of params.yaml gives the pipeline's own model
    assert "test" not in found
    assert found["settings"]["mlp.epochs"] == 3
    assert (ready.folder / "models/mlp/model.safetensors").read_bytes() == before

    output = ready.run(*SEEDS, "--seeds", "1,42", "--background")  # nothing is trained again
    wait_for(int(output.split()[1]))
    log = (ready.folder / ".cache/seeds/mlp.log").read_text()
    assert "seed 42: recorded" in log
    assert "epoch" not in log
    output = ready.run(*SEEDS, "--seeds", "1", "--test")  # measured on test, not trained again
    assert "epoch" not in output
    assert "test" in content(ready)["runs"]["1"]

    assert started(ready.dvc("repro")) == {"compare"}
    assert "val over seeds" in (ready.folder / "reports/comparison.md").read_text()
    assert "up to date" in ready.dvc("status")


def wait_for(process):
    """Wait until a process that nobody waits for has ended."""
    while psutil.pid_exists(process) and psutil.Process(process).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.2)


def test_a_stopped_seed_goes_on_where_it_was(ready):
    more = ("-S", "mlp.epochs=60", "--seeds", "5")
    ready.run(*SEEDS, *more)
    (folder,) = (ready.folder / ".cache/seeds/mlp").glob("*/5")
    expected = (folder / "models/mlp/model.safetensors").read_bytes()
    ready.run("rm", "-rf", ".cache/seeds", "metrics/seeds/mlp.json")

    process = start(ready, *SEEDS[2:], *more, checkpoints=f".cache/seeds/mlp/{folder.parent.name}/5/.cache/training")
    process.send_signal(signal.SIGSTOP)
    assert "is already running" in ready.run(*SEEDS, *more)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "of 60 epochs are saved" in output
    assert "Going on after epoch" in ready.run(*SEEDS, *more)
    assert (folder / "models/mlp/model.safetensors").read_bytes() == expected


def test_stale_data_and_settings_of_other_stages_are_refused(ready):
    output = ready.run(*SEEDS, "-S", "data.seed=3", fails=True)
    assert "only mlp.*, train.* but the seed, and evaluate.* can be changed here" in output
    output = ready.run(*SEEDS, "-S", "train.devices=2", fails=True)
    assert "set train.devices and train.nodes to 1" in output
    ready.set("landmarks.presence", 0.4)
    output = ready.run(*SEEDS, fails=True)
    assert "run `dvc repro landmarks` first" in output
    assert not (ready.folder / "metrics/seeds/mlp.json").exists()


def test_a_model_of_several_phases(ready):
    output = ready.run(sys.executable, "-m", "fer.seeds", "cnn", "--seeds", "42")
    assert "cnn: val" in output
    found = json.loads((ready.folder / "metrics/seeds/cnn.json").read_text())
    pipeline = json.loads((ready.folder / "metrics/cnn.json").read_text())
    assert found["runs"]["42"] == pipeline
