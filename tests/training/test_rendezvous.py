"""A training that waits for another machine ends when it is asked to."""

import signal
import socket
import subprocess
import sys

import pytest

from fer.errors import FerError
from fer.stopping import run_interruptibly
from fer.training import rendezvous

WAITING = """
import torch
from fer.stopping import Stopped, raising_on_signals, run_interruptibly

def connect():
    torch.distributed.init_process_group("gloo", init_method="tcp://127.0.0.1:{port}", rank=0, world_size=2)

print("waiting", flush=True)
try:
    with raising_on_signals():
        run_interruptibly(connect)
except Stopped as stopped:
    print(stopped, flush=True)
    raise SystemExit(128 + stopped.signal)
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait_for_a_partner(number):
    command = [sys.executable, "-c", WAITING.format(port=free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "waiting\n"
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(1)  # it has the time to begin, and nobody comes
            process.send_signal(number)
            assert process.wait(10) == 128 + number
            assert process.stdout.read().startswith(f"Stopped by {number.name}: nothing was written")
        finally:
            process.kill()


def test_what_goes_wrong_while_waiting_is_told():
    def refuse():
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        run_interruptibly(refuse)
    run_interruptibly(lambda: None)


class OneOfTwo:
    """A Trainer, as far as `partners` asks."""

    num_nodes = 2

    class strategy:
        @staticmethod
        def setup_distributed():
            raise AssertionError


def test_without_an_address_nobody_can_be_met(monkeypatch):
    for name in ("MASTER_ADDR", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    wanted = r"train\.nodes = 2: start the same command on each machine"
    with pytest.raises(FerError, match=wanted), rendezvous.partners(OneOfTwo()):
        pass
