"""A stopped run says what it saved, no stage runs twice at once, and whatever happens the bytes are the same."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import pytest

from tests.pipeline.conftest import Project, start, surroundings
from tests.torture import Torture

pytestmark = pytest.mark.slow
EPOCHS = 60
AGAIN = ("repro", "--single-item", "--force", "--no-run-cache", "train@mlp")


@pytest.fixture(scope="module")
def long(built):
    """The project with an mlp that trains for some seconds; and its weights. For the last tests of this file."""
    built.set("mlp.epochs", EPOCHS)
    built.dvc(*AGAIN)
    yield built, weights(built)
    built.run("git", "checkout", "-q", "--", ".")
    built.dvc("checkout", "--force")


def weights(project: Project) -> bytes:
    return (project.folder / "models/mlp/model.safetensors").read_bytes()


def test_a_machine_without_partners_says_so(clean):
    clean.set("train.nodes", 2)
    output = clean.run(sys.executable, "-m", "stages.train", "mlp", fails=True)
    assert "train.nodes = 2: start the same command on each machine with MASTER_ADDR" in output
    ranks = {"NODE_RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2"}
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29411"}
    command = [sys.executable, "-m", "stages.train", "mlp"]
    values = surroundings() | ranks | address
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=clean.folder, env=values, stdout=pipe, stderr=pipe, text=True) as process:
        for line in process.stdout:
            if "Waiting" in line:
                break
        time.sleep(2)  # then it waits within torch's C++ code
        process.terminate()
        process.communicate(timeout=30)
    assert line == f"Waiting for the other 1 of 2 machines at 127.0.0.1:{address['MASTER_PORT']}.\n"
    assert process.returncode == -signal.SIGTERM  # to a shell 128 + 15, as wherever else it is stopped


def test_check_names_what_would_run(clean):
    assert "Nothing to run: all is up to date." in clean.run(sys.executable, "-m", "fer.check")
    clean.set("evaluate.bootstrap", 200)
    assert "1 stage to run at most: compare." in clean.run(sys.executable, "-m", "fer.check")
    clean.set("cnn.partial.blocks", 999)
    assert "cnn.partial.blocks = 999" in clean.run(sys.executable, "-m", "fer.check", fails=True)


def test_a_few_blows(built):
    torture = Torture(built)
    before = json.loads((built.folder / "metrics/cnn.json").read_text())
    blows = torture.draw(200, random.Random(5))
    by_kind = {blow.kind: blow for blow in reversed(blows)}
    assert set(by_kind) == {"group", "dvc", "stage", "checkpoint", "disk"}
    for kind in ("group", "checkpoint", "disk"):
        torture.strike(by_kind[kind])
    assert json.loads((built.folder / "metrics/cnn.json").read_text()) == before


def test_a_stopped_training_says_what_it_saved(long):
    project, expected = long
    process = start(project, "stages.train", "mlp")
    os.kill(process.pid, signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    last = output.strip().splitlines()[-1]
    saved = re.fullmatch(rf"Stopped by SIGTERM: (\d+) of {EPOCHS} epochs are saved; .* goes on from there\.", last)
    assert 1 <= int(saved[1]) < EPOCHS
    assert f"Going on after epoch {saved[1]}" in project.run(sys.executable, "-m", "stages.train", "mlp")
    assert weights(project) == expected


def test_ctrl_c_under_dvc_says_what_it_saved(long):
    project, _ = long
    process = start(project, "dvc", *AGAIN)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode
    assert re.search(r"Stopped by SIGINT: \d+ of 60 epochs are saved", output)
    project.run("rm", "-r", ".cache/training")


def test_a_second_start_says_who_holds_the_lock(long):
    project, _ = long
    process = start(project, "stages.train", "mlp")
    output = project.run(sys.executable, "-m", "stages.train", "mlp", "--phase", "full", fails=True)
    assert f"The stage train mlp is already running: process {process.pid}, since 20" in output
    process.kill()
    process.communicate()
    assert "Going on" in project.run(sys.executable, "-m", "stages.train", "mlp")


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])  # one of them stays between DVC and the stage
def test_a_training_that_outlives_dvc_is_not_lost(long, shell):
    """DVC deletes a stage's outputs before it runs the stage again: the finished training must survive that."""
    project, expected = long
    if not os.access(shell, os.X_OK):
        pytest.skip(f"no {shell}")
    process = start(project, "dvc", *AGAIN, SHELL=shell)
    process.kill()
    output, _ = process.communicate(timeout=120)  # the pipe closes when the training ends
    assert "The process that started this training is gone" in output
    output = project.dvc(*AGAIN)
    assert f"Going on after epoch {EPOCHS}" in output
    assert f"epoch {EPOCHS}/{EPOCHS} " not in output
    assert weights(project) == expected
    left = sorted(map(str, (project.folder / ".cache/training").rglob("*")))
    assert not [path for path in left if path.endswith(".ckpt")], f"{left} after\n{output}"
