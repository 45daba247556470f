"""A search by the command that a user types: two processes, and one that was killed, on one study."""

import re
import signal
import sys

import pytest

from tests.pipeline.conftest import start

pytestmark = pytest.mark.slow
TUNE = (sys.executable, "-m", "fer.tune", "mlp", "--vary", "mlp.lr", "-S", "mlp.epochs=60", "--trials", "2")


def test_a_killed_trial_goes_on_and_two_processes_share_a_study(restored):
    before = (restored.folder / "models/mlp/model.safetensors").read_bytes()
    process = start(restored, *TUNE[2:], checkpoints=".cache/tune/mlp/*/0/.cache/training")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    other = restored.start_command(*TUNE)
    output = restored.run(*TUNE)
    assert other.wait(timeout=120) == 0
    assert re.search(r"[23] trials, 0 of them stopped early", output)
    last = output.strip().splitlines()[-1]
    assert re.fullmatch(r"dvc exp run -S mlp\.epochs=60( -S mlp\.lr=[\d.]+)?", last)
    assert (restored.folder / "plots/tune/mlp.png").exists()
    assert not list((restored.folder / ".cache/tune/mlp").glob("*/*"))  # no trial's folder is left
    assert (restored.folder / "models/mlp/model.safetensors").read_bytes() == before
    assert "plots/tune" not in restored.run("git", "status", "--porcelain", "--untracked-files=all")
    restored.run("rm", "-r", ".cache/tune", "plots/tune")
