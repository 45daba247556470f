"""Batches cut on the device: the whole set lies there, so no worker processes feed it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Task:
    """What a model learns from.

    Attributes:
        inputs: one entry a face, as `fer.models.inputs` makes them: uint8 [N, S, S] or float [N, 478, 3].
        labels: int64 [N].
        train: int64, rows to learn from.
        val: int64, rows to select on.
    """

    inputs: Tensor
    labels: Tensor
    train: Tensor
    val: Tensor

    def to(self, device: torch.device) -> "Task":
        """The same task with its inputs and labels on a device."""
        return Task(self.inputs.to(device), self.labels.to(device), self.train, self.val)


class Batches:
    """Batches of some rows of a task, in order or in an order drawn anew for each epoch.

    The order depends on the seed and the epoch alone, so a resumed training sees the same one. With several
    processes each takes its own share of the rows; in training all shares have one length.

    Args:
        task: the whole set, on the device where the batches are cut.
        rows: int64, the rows of `task` to use.
        size: faces a batch.
        seed: of the order; None keeps the rows in order, and keeps the last, smaller batch.
        rank: this process.
        world: how many processes there are.
        epoch: tells, when an iteration begins, which epoch it is.
    """

    def __init__(
        self,
        task: Task,
        rows: Tensor,
        size: int,
        seed: int | None = None,
        rank: int = 0,
        world: int = 1,
        epoch: Callable[[], int] = lambda: 0,
    ) -> None:
        self.inputs, self.labels = task.inputs, task.labels
        self.rows = rows
        self.size = size
        self.seed = seed
        self.rank, self.world = rank, world
        self.epoch = epoch

    def __len__(self) -> int:
        share = len(self.rows) // self.world if self.seed is not None else len(self._share(self.rows))
        # Batch normalisation can't learn from a batch of one face, so a shuffled epoch drops the remainder.
        return max(1, share // self.size) if self.seed is not None else -(-share // self.size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        rows = self.rows
        if self.seed is not None:
            generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch())
            rows = rows[torch.randperm(len(rows), generator=generator)]
            rows = rows[: len(rows) // self.world * self.world]
        rows = self._share(rows).to(self.labels.device)
        for batch in rows.split(self.size)[: len(self)]:
            yield self.inputs[batch], self.labels[batch]

    def _share(self, rows: Tensor) -> Tensor:
        return rows[self.rank :: self.world]
