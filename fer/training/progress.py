"""What a person sees of a training: a live bar in a terminal, one line an epoch in a log."""

import sys
import time
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import RichProgressBar


class EpochLines(L.Callback):
    """One line an epoch, with the time left, for output that is no terminal."""

    def __init__(self) -> None:
        self._finished = 0
        self._began = 0.0

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Print the epoch's results."""
        if not trainer.is_global_zero:
            return
        self._finished += 1
        epoch, epochs = trainer.current_epoch + 1, trainer.max_epochs or 0
        left = (time.monotonic() - self._began) / self._finished * (epochs - epoch)
        metrics = trainer.callback_metrics
        print(
            f"epoch {epoch}/{epochs}  loss {metrics['train/loss']:.4f}  train {metrics['train/accuracy']:.4f}  "
            f"val {metrics['val/accuracy']:.4f}  left {time.strftime('%H:%M:%S', time.gmtime(left))}",
            flush=True,
        )


class Bar(RichProgressBar):
    """Lightning's bar without the experiment number."""

    def get_metrics(self, trainer: L.Trainer, module: L.LightningModule) -> dict[str, Any]:
        """Loss and accuracies."""
        metrics = super().get_metrics(trainer, module)
        metrics.pop("v_num", None)
        return metrics


def in_terminal() -> bool:
    """Whether somebody watches."""
    return sys.stdout.isatty()


def reporter() -> L.Callback:
    """The callback that suits the output."""
    return Bar() if in_terminal() else EpochLines()
