"""Trainings by two processes, of one machine or of two: they stop together, go on, and end with the same weights."""

import json
import os
import shutil
import signal
import socket

import pytest

from tests.pipeline.conftest import AGAIN, EPOCHS, start, twin, wait_for_checkpoint, weights
from tests.torture import Torture

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(built, tmp_path_factory):
    """A project whose mlp two processes of one machine have trained, without a stop."""
    project = twin(built, tmp_path_factory.mktemp("shared") / "project")
    project.set("train.devices", 2)
    project.set("train.device", "cpu")
    project.set("mlp.epochs", EPOCHS)
    assert project.run("python", "-m", "stages.train", "mlp").count("best epoch") == 1
    assert device(project) == "2 x cpu"
    return project


@pytest.fixture
def shared(whole, tmp_path):
    """The same without the model."""
    project = twin(whole, tmp_path / "project")
    shutil.rmtree(project.folder / "models/mlp")
    return project


def device(project):
    return json.loads((project.folder / "metrics/times/mlp.json").read_text())["device"]


def test_two_processes_stop_together_and_go_on(shared, whole):
    process = start(shared, "stages.train", "mlp")
    os.kill(process.pid, signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert output.count("Stopped by") == 1
    assert not Torture(shared).processes()
    assert "Going on after epoch" in shared.dvc(*AGAIN)
    assert weights(shared) == weights(whole)
    assert not list((shared.folder / ".cache/training").glob("*"))


def test_two_machines_with_a_shared_folder_go_on_after_a_kill(shared, whole):
    shared.set("train.devices", 1)
    shared.set("train.nodes", 2)
    machines = two_machines(shared)
    wait_for_checkpoint(shared, machines[0])
    for machine in machines:
        os.killpg(machine.pid, signal.SIGKILL)
        machine.wait()
    assert list((shared.folder / ".cache/training/mlp").glob("*/last.ckpt"))
    assert [machine.wait(timeout=120) for machine in two_machines(shared)] == [0, 0]
    assert device(shared) == "2 x cpu"
    assert weights(shared) == weights(whole)
    assert not list((shared.folder / ".cache/training").glob("*"))


def two_machines(project):
    """Start a training on two machines, as a cluster's scheduler would."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "LOCAL_RANK": "0"}
    command = ("python", "-m", "stages.train", "mlp")
    return [project.start_command(*command, **group, NODE_RANK=number) for number in ("0", "1")]
