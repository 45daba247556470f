"""How a training shows its progress: a live bar in a terminal, one line an epoch in a log."""

import sys
import time
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import lightning as L

from fer import progress


class ProgressReport(L.Callback):
    """Shows epoch, loss, accuracy on val and the time left.

    Args:
        live: draw a bar that moves; else print one line an epoch.
    """

    def __init__(self, live: bool) -> None:
        self.live = live
        self._bar = ExitStack()

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Start the clock, and draw the bar over the epochs that are left."""
        self._began, self._first_epoch = time.monotonic(), trainer.current_epoch
        self._loss_read, self._loss, self._val = 0.0, "-", "-"
        if self.live and trainer.is_global_zero:
            steps = int(trainer.num_training_batches) * ((trainer.max_epochs or 0) - self._first_epoch)
            shown = progress.bar("Training", steps, "epoch {epoch}/{epochs}  loss {loss}  val {val}")
            self._advance = self._bar.enter_context(shown)

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar by one batch."""
        if self.live and trainer.is_global_zero:
            # Reading the loss waits for the device, so it is done twice a second and not at each step.
            if time.monotonic() - self._loss_read > 0.5:
                self._loss_read, self._loss = time.monotonic(), f"{float(outputs['loss']):.3f}"
            self._draw(trainer, 1)

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Show or print what the epoch gave."""
        if not trainer.is_global_zero:
            return
        metrics, epoch, epochs = trainer.callback_metrics, trainer.current_epoch + 1, trainer.max_epochs or 0
        self._loss, self._val = f"{metrics['train/loss']:.3f}", f"{metrics['val/accuracy']:.3f}"
        if self.live:
            self._draw(trainer, 0)
            return
        seconds = (time.monotonic() - self._began) / (epoch - self._first_epoch) * (epochs - epoch)
        print(
            f"epoch {epoch}/{epochs}  loss {metrics['train/loss']:.4f}  train {metrics['train/accuracy']:.4f}  "
            f"val {metrics['val/accuracy']:.4f}  left {timedelta(seconds=round(seconds))}",
            flush=True,
        )

    def teardown(self, trainer: L.Trainer, module: L.LightningModule, stage: str) -> None:
        """Leave the bar as it stands."""
        self._bar.close()

    def on_exception(self, trainer: L.Trainer, module: L.LightningModule, exception: BaseException) -> None:
        """Leave the bar as it stands, so that the message comes below it."""
        self._bar.close()

    def _draw(self, trainer: L.Trainer, steps: int) -> None:
        epoch, epochs = trainer.current_epoch + 1, trainer.max_epochs or 0
        self._advance(steps, epoch=min(epoch, epochs), epochs=epochs, loss=self._loss, val=self._val)


def report() -> ProgressReport:
    """A bar on a terminal, lines in a log."""
    return ProgressReport(live=sys.stderr.isatty())
