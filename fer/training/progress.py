"""What a person sees of a training: a live bar in a terminal, one line an epoch in a log."""

import sys
import time
from datetime import timedelta
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ProgressBar
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn


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
            f"val {metrics['val/accuracy']:.4f}  left {clock(left)}",
            flush=True,
        )


class Bar(ProgressBar):
    """One live bar over the whole training: epoch, loss, accuracy on val, time left."""

    def __init__(self) -> None:
        super().__init__()
        self._progress: Progress | None = None
        self._enabled = True
        self._before = 0  # batches that an earlier run has done
        self._read_loss = 0.0
        self._loss = self._val = "-"

    def disable(self) -> None:
        """Show nothing: Lightning asks this of all processes but one."""
        self._enabled = False

    def enable(self) -> None:
        """Show the bar again."""
        self._enabled = True

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Draw the bar, with the epochs that an earlier run has finished."""
        if not self._enabled:
            return
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), console=Console()
        )
        self._progress.start()
        batches = int(trainer.num_training_batches)
        self._before = trainer.current_epoch * batches
        total = batches * (trainer.max_epochs or 1)
        self._task = self._progress.add_task("", total=total, completed=self._before, state="")
        self._draw(trainer, 0)

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move on by one batch."""
        # Reading the loss waits for the device, so it is done twice a second and not at each step.
        if self._enabled and time.monotonic() - self._read_loss > 0.5:
            self._read_loss = time.monotonic()
            self._loss = f"{float(outputs['loss']):.3f}"
        self._draw(trainer, 1)

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Show the epoch's own figures."""
        metrics = trainer.callback_metrics
        self._loss, self._val = f"{metrics['train/loss']:.3f}", f"{metrics['val/accuracy']:.3f}"
        self._draw(trainer, 0)

    def teardown(self, trainer: L.Trainer, module: L.LightningModule, stage: str) -> None:
        """Leave the bar as it stands."""
        self._stop()

    def on_exception(self, trainer: L.Trainer, module: L.LightningModule, exception: BaseException) -> None:
        """Leave the bar as it stands, so that the message comes below it."""
        self._stop()

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _draw(self, trainer: L.Trainer, steps: int) -> None:
        if self._progress is None:
            return
        self._progress.advance(self._task, steps)
        bar = self._progress.tasks[0]
        done = bar.completed - self._before
        left = clock((bar.elapsed or 0) / done * (bar.remaining or 0)) if done else "-:--:--"
        self._progress.update(
            self._task,
            description=f"epoch {min(trainer.current_epoch + 1, trainer.max_epochs or 1)}/{trainer.max_epochs}",
            state=f"loss {self._loss}  val {self._val}  left {left}",
        )


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    return str(timedelta(seconds=round(seconds)))


def in_terminal() -> bool:
    """Whether somebody watches."""
    return sys.stdout.isatty()


def reporter() -> L.Callback:
    """The callback that suits the output."""
    return Bar() if in_terminal() else EpochLines()
