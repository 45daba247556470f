"""A stopped run says what it saved, no stage runs twice at once, and whatever happens the bytes are the same."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from fer import check
from stages import train
from tests.pipeline.conftest import AGAIN, EPOCHS, start, surroundings, weights
from tests.torture import Blow, Torture

pytestmark = pytest.mark.slow


def test_a_machine_without_partners_says_so(clean):
    clean.set("train.nodes", 2)
    output = clean.call(train.main, "mlp", fails=True)
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
    assert "Nothing to run: all is up to date." in clean.call(check.main)
    clean.set("evaluate.bootstrap", 200)
    assert "1 stage to run at most: compare." in clean.call(check.main)
    clean.set("cnn.partial.blocks", 999)
    assert "cnn.partial.blocks = 999" in clean.call(check.main, fails=True)


def test_a_kill_may_cost_dvc_its_list_of_locks(clean):
    """And `clean.dvc` does then what docs/pipeline.md says."""
    (clean.folder / ".dvc/tmp/rwlock").write_text("")
    assert "Unable to read RWLock-file" in clean.run("dvc", "repro", "split", fails=True)
    assert "up to date" in clean.dvc("repro", "split")


def test_a_few_blows(project):
    """One of each kind, to stages that are soon done; `make torture` draws from all."""
    torture = Torture(project)
    assert {blow.kind for blow in torture.draw(200, random.Random(5))} == {
        "group",
        "dvc",
        "stage",
        "checkpoint",
        "disk",
    }
    torture.seconds = {"split": 4.0}  # about
    torture.strike(Blow("split", "group", signal.SIGTERM, 0.6))
    torture.strike(Blow("measure@mlp", "disk", 100, 0))
    torture.strike(Blow("train@mlp", "checkpoint", signal.SIGKILL, 0))


def test_killed_and_started_again_it_ends_with_the_same_weights(long):
    """Kill -9 in mid-training, then `dvc repro`."""
    project, expected = long
    process = start(project, "dvc", *AGAIN)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (project.folder / "models/mlp").exists()

    output = project.dvc(*AGAIN)
    epoch = int(re.search(r"Going on after epoch (\d+)", output).group(1))
    assert 1 <= epoch < EPOCHS
    assert weights(project) == expected


def test_a_stopped_training_says_what_it_saved(long):
    project, expected = long
    process = start(project, "stages.train", "mlp")
    os.kill(process.pid, signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    last = output.strip().splitlines()[-1]
    saved = re.fullmatch(rf"Stopped by SIGTERM: (\d+) of {EPOCHS} epochs are saved; .* goes on from there\.", last)
    assert 1 <= int(saved[1]) < EPOCHS
    assert f"Going on after epoch {saved[1]}" in project.call(train.main, "mlp")
    assert weights(project) == expected


def test_ctrl_c_under_dvc_says_what_it_saved(long):
    project, _ = long
    process = start(project, "dvc", *AGAIN)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode
    assert re.search(rf"Stopped by SIGINT: \d+ of {EPOCHS} epochs are saved", output)


def test_a_second_start_says_who_holds_the_lock(long):
    project, _ = long
    process = start(project, "stages.train", "mlp")
    output = project.call(train.main, "mlp", "--phase", "full", fails=True)
    assert f"The stage train mlp is already running: process {process.pid}, since 20" in output
    process.kill()
    process.communicate()
    assert "Going on" in project.call(train.main, "mlp")


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
    shutil.rmtree(project.folder / "models/mlp")
    output = project.call(train.main, "mlp")
    assert f"Going on after epoch {EPOCHS}" in output
    assert f"epoch {EPOCHS}/{EPOCHS} " not in output
    assert weights(project) == expected
    left = sorted(map(str, (project.folder / ".cache/training").rglob("*")))
    assert not [path for path in left if path.endswith(".ckpt")], f"{left} after\n{output}"
