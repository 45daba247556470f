"""A search by the command that a user types: two processes, and one that was killed, on one study."""

import re
import signal
import time

import pytest

from fer import tune
from tests.pipeline.conftest import EPOCHS, start, start_module, weights

pytestmark = pytest.mark.slow
TUNE = ("mlp", "--vary", "mlp.lr", "-S", f"mlp.epochs={EPOCHS}", "--trials", "2")


def test_a_killed_trial_goes_on_and_two_processes_share_a_study(project):
    before = weights(project)
    process = start(project, "fer.tune", *TUNE, checkpoints=".cache/tune/mlp/*/0/.cache/training")
    process.send_signal(signal.SIGKILL)
    process.communicate()

    (lock,) = project.folder.glob(".cache/tune/mlp/*/0/.cache/locks/variant.pid")
    other = start_module(project, "fer.tune", *TUNE)
    while not lock.read_text().startswith(f"process {other.pid},"):  # until it is at the first trial
        assert other.poll() is None
        time.sleep(0.01)
    output = project.call(tune.main, *TUNE)
    assert "trial 2: val" in output
    assert other.wait(timeout=120) == 0
    assert re.search(r"[23] trials, 0 of them stopped early", output)
    last = output.strip().splitlines()[-1]
    better = rf"dvc exp run -S mlp\.epochs={EPOCHS} -S mlp\.lr=[\d.]+"
    assert re.fullmatch(rf"{better}|No trial was better .* with -S mlp\.epochs={EPOCHS}\.", last)
    assert (project.folder / "plots/tune/mlp.png").exists()
    assert not list((project.folder / ".cache/tune/mlp").glob("*/*"))  # no trial's folder is left
    assert weights(project) == before
    assert "plots/tune" not in project.run("git", "status", "--porcelain", "--untracked-files=all")
