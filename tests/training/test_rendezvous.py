"""A training of several machines says where it waits for the others, and can be ended meanwhile."""

import signal
from types import SimpleNamespace

import pytest

from fer.errors import FerError
from fer.training import rendezvous


def trainer(connect=None):
    """A Trainer of two machines, as far as `partners` asks."""
    return SimpleNamespace(num_nodes=2, strategy=SimpleNamespace(setup_distributed=connect))


def test_a_signal_ends_the_process_while_it_waits(monkeypatch, capsys):
    """A handler of Python's would wait until torch's C++ code has ended."""
    monkeypatch.setenv("MASTER_ADDR", "here")
    monkeypatch.setenv("MASTER_PORT", "29411")
    handlers, before = [], signal.getsignal(signal.SIGTERM)
    two = trainer(lambda: handlers.extend(map(signal.getsignal, (signal.SIGTERM, signal.SIGINT))))
    with rendezvous.partners(two):
        two.strategy.setup_distributed()
    assert handlers == [signal.SIG_DFL, signal.SIG_DFL]
    assert signal.getsignal(signal.SIGTERM) is before
    assert capsys.readouterr().out == "Waiting for the other 1 of 2 machines at here:29411.\n"


def test_without_an_address_nobody_can_be_met(monkeypatch):
    for name in ("MASTER_ADDR", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    wanted = r"train\.nodes = 2: start the same command on each machine"
    with pytest.raises(FerError, match=wanted), rendezvous.partners(trainer()):
        pass
