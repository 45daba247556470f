"""The callback that keeps a training's curves, best weights and checkpoint."""

import math
import signal
import time
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from fer import artifacts, writing
from fer.errors import DivergedError, FerError
from fer.stopping import Stopped, raise_on_signals
from fer.training.module import Training

METRICS = ("train/loss", "train/accuracy", "val/loss", "val/accuracy")

# AdamW's first step is up to ten rates long, and must be a float32.
LARGEST_RATE = torch.finfo(torch.float32).max / 1000

# What one epoch gave: a value for each of METRICS.
Epoch = dict[str, float]


def write_curves(path: Path, history: list[Epoch]) -> None:
    """Write the curves that DVC plots: one row an epoch and split, with `loss` and `accuracy`."""
    rows = [
        (epoch, split, *(round(values[f"{split}/{name}"], artifacts.DECIMALS) for name in ("loss", "accuracy")))
        for split in ("train", "val")
        for epoch, values in enumerate(history, start=1)
    ]
    artifacts.write_table(path, pd.DataFrame(rows, columns=["epoch", "split", "loss", "accuracy"]))


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's checkpoint files, written whole or not at all, so that a kill never damages the last one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write beside the target, then rename."""
        with writing.atomic(path) as temporary:
            super().save_checkpoint(checkpoint, temporary, storage_options)


class Keeper(L.Callback):
    """Seeds each epoch, keeps the best weights by val accuracy, writes the curves, and saves a checkpoint.

    Everything random in an epoch depends on the seed and the number of epochs finished, which is part of the
    checkpoint: a training that goes on from one ends with the weights of one that never stopped.

    Args:
        checkpoint: the file that is rewritten after every epoch.
        curves: file of the curves, rewritten after every epoch.
        seed: of the training.
        patience: epochs without a better val accuracy before the training stops, 0 for never.
    """

    def __init__(self, checkpoint: Path, curves: Path, seed: int, patience: int) -> None:
        self.checkpoint = checkpoint
        self.curves = curves
        self.seed = seed
        self.patience = patience
        self.history: list[Epoch] = []
        self.best_epoch = 0
        self.best_weights: dict[str, torch.Tensor] = {}
        self.seconds = 0.0
        self.training_seconds = 0.0

    @property
    def epochs(self) -> int:
        """How many epochs are finished."""
        return len(self.history)

    @property
    def out_of_patience(self) -> bool:
        """Whether the val accuracy has stood still for too long."""
        return bool(self.patience) and self.epochs - self.best_epoch >= self.patience

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed training must know."""
        return {
            "history": self.history,
            "best_epoch": self.best_epoch,
            "best_weights": self.best_weights,
            "seconds": self.seconds,
            "training_seconds": self.training_seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        for name, value in state.items():
            setattr(self, name, value)

    def on_fit_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Make sure that all processes go on from the same epoch; if not, all of them stop.

        Raises:
            FerError: they do not, because their machines have no folder in common.
        """
        same = trainer.strategy.broadcast(self.epochs) == self.epochs
        if not trainer.strategy.reduce_boolean_decision(same, all=True):
            raise FerError(
                f"This machine finds {self.epochs} finished epochs, another machine a different number. Several "
                "machines (train.nodes) must work in one shared folder."
            )

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Take the signals back from Lightning, which would end the training as if it were finished.

        Raises:
            FerError: a step with this learning rate would leave the numbers that a weight can hold.
        """
        raise_on_signals()
        rate = max(optimizer.defaults["lr"] for optimizer in trainer.optimizers)
        if rate > LARGEST_RATE:
            raise FerError(f"The learning rate {rate:g} is too large for any training: choose a lower one.")

    def on_exception(self, trainer: L.Trainer, module: L.LightningModule, exception: BaseException) -> None:
        """Say what a stopped training has saved; the other processes can't go on without this one."""
        if isinstance(exception, Stopped):
            exception.outcome = (
                f"{self.epochs} of {trainer.max_epochs} epochs are saved; the same command goes on from there"
            )
        launcher = trainer.strategy.launcher
        if launcher is not None and trainer.is_global_zero:
            launcher.kill(signal.SIGKILL)

    def on_train_epoch_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Seed this epoch, let the network get ready for it, and start the clocks."""
        assert isinstance(module, Training)
        module.network.begin_epoch(self.epochs)
        torch.manual_seed((self.seed * 100_003 + self.epochs) * 1_009 + trainer.global_rank)
        self._epoch_began = time.monotonic()

    def on_validation_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Stop the clock that measures training alone."""
        self.training_seconds += time.monotonic() - self._epoch_began

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Remember the epoch; save it, and stop when out of patience.

        Raises:
            DivergedError: the checkpoint is the one of the epoch before.
        """
        assert isinstance(module, Training)
        row = {name: float(trainer.callback_metrics[name]) for name in METRICS}
        if not all(math.isfinite(value) for value in row.values()):
            raise DivergedError(f"The training diverged in epoch {self.epochs + 1}: choose a lower learning rate.")
        best = self.history[self.best_epoch - 1]["val/accuracy"] if self.best_epoch else -1.0
        self.history.append(row)
        if row["val/accuracy"] > best:
            self.best_epoch = self.epochs
            weights = module.validated.state_dict()
            self.best_weights = {name: value.detach().cpu().clone() for name, value in weights.items()}
        self.seconds += time.monotonic() - self._epoch_began
        trainer.save_checkpoint(self.checkpoint)
        if trainer.is_global_zero:
            write_curves(self.curves, self.history)
        if self.out_of_patience:
            trainer.should_stop = True
