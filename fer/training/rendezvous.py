"""How the machines of one training find each other (`train.nodes`)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_only

from fer.errors import FerError
from fer.stopping import ending_on_signals


@contextmanager
def partners(trainer: L.Trainer) -> Iterator[None]:
    """Let a training of several machines wait for the others, and say what to do if they do not come or go away.

    SIGTERM and Ctrl-C end the process while it waits. For a training on one machine this does nothing.

    Args:
        trainer: about to train, within the block.

    Raises:
        FerError: MASTER_ADDR is not set, or the connection failed.
    """
    if trainer.num_nodes > 1:
        if not any(name in os.environ for name in ("MASTER_ADDR", "SLURM_NTASKS")):
            raise FerError(
                f"train.nodes = {trainer.num_nodes}: start the same command on each machine with MASTER_ADDR, "
                "MASTER_PORT, NODE_RANK, LOCAL_RANK and WORLD_SIZE set, or set train.nodes to 1."
            )
        meeting = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        others = f"the other {trainer.num_nodes - 1} of {trainer.num_nodes} machines"
        rank_zero_only(print)(f"Waiting for {others} at {meeting}.", flush=True)
        connect = getattr(trainer.strategy, "setup_distributed", lambda: None)

        def connect_interruptibly() -> None:
            with ending_on_signals():
                connect()

        trainer.strategy.setup_distributed = connect_interruptibly  # type: ignore[attr-defined]
    try:
        yield
    except torch.distributed.DistError as error:
        reason = " ".join(str(error).split())[:200]
        raise FerError(f"The processes of this training lost each other ({reason}). Start them all again.") from error
