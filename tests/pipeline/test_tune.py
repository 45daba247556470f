"""A search by the command that a user types: two processes, one of them killed, on one study."""

import re
import signal
import sys

import pytest

from tests.pipeline.conftest import start

pytestmark = pytest.mark.slow
TUNE = (sys.executable, "-m", "fer.tune", "mlp", "--vary", "mlp.lr", "--vary", "mlp.dropout")


@pytest.fixture
def ready(restored):
    """The built project without any study."""
    yield restored
    restored.run("rm", "-rf", ".cache/tune", "plots/tune")


def test_a_killed_trial_goes_on_and_two_processes_share_a_study(ready):
    before = (ready.folder / "models/mlp/model.safetensors").read_bytes()
    long = (*TUNE, "-S", "mlp.epochs=60", "--trials", "2")
    process = start(ready, *long[2:], checkpoints=".cache/tune/mlp/*/0/.cache/training")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    other = ready.start_command(*long)
    output = ready.run(*long)
    assert other.wait(timeout=120) == 0
    assert "val" in output
    assert (ready.folder / "plots/tune/mlp.png").exists()
    assert not list((ready.folder / ".cache/tune/mlp").glob("*/*/models"))
    assert (ready.folder / "models/mlp/model.safetensors").read_bytes() == before
    assert "plots/tune" not in ready.run("git", "status", "--porcelain", "--untracked-files=all")


def test_the_last_line_can_be_typed(ready):
    output = ready.run(*TUNE, "--trials", "3")
    assert "epoch 3/3" in output
    last = output.strip().splitlines()[-1]
    options = re.fullmatch(r"dvc exp run ((?:-S mlp\.(?:lr|dropout)=[\d.]+ ?)+)", last)
    assert options or "The settings of params.yaml are the best." in last
    if options:
        ready.run(sys.executable, "-m", "fer.seeds", "mlp", "--seeds", "42", *options[1].split())
