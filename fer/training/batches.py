"""Batches cut on the device: the whole set lies there, so no worker processes feed it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from fer import inputs

Batch = tuple[dict[str, Tensor], Tensor, Tensor | None]
"""The inputs of some faces by name, their labels, and a teacher's probabilities for them where there is one."""


@dataclass(frozen=True)
class TrainingData:
    """What a model learns from.

    Attributes:
        inputs: what the model sees of each face, by name (`fer.inputs`), each [N, ...].
        labels: int64 [N].
        train: int64, rows to learn from.
        val: int64, rows to select on.
        soft_labels: a teacher's probabilities, float [N, 7], NaN outside of train; None without a teacher.
    """

    inputs: Mapping[str, Tensor]
    labels: Tensor
    train: Tensor
    val: Tensor
    soft_labels: Tensor | None = None

    def to(self, device: torch.device) -> "TrainingData":
        """The same data with inputs and labels on a device."""
        moved = {name: values.to(device) for name, values in self.inputs.items()}
        soft_labels = None if self.soft_labels is None else self.soft_labels.to(device)
        return TrainingData(moved, self.labels.to(device), self.train, self.val, soft_labels)


class Batches:
    """Batches of some faces, in order or in an order drawn anew for each epoch.

    The order depends on the seed and the epoch alone, so a resumed training sees the same one. With several
    processes each takes its own share of the rows; in training all shares have one length.

    Args:
        data: all faces, on the device where the batches are cut.
        rows: int64, the rows of `data` to use.
        size: faces a batch.
        seed: of the order; None keeps the rows in order, and keeps the last, smaller batch.
        rank: this process.
        world: how many processes there are.
        epoch: tells, when an iteration begins, which epoch it is.
    """

    def __init__(
        self,
        data: TrainingData,
        rows: Tensor,
        size: int,
        seed: int | None = None,
        rank: int = 0,
        world: int = 1,
        epoch: Callable[[], int] = lambda: 0,
    ) -> None:
        self.inputs, self.labels, self.soft_labels = data.inputs, data.labels, data.soft_labels
        self.rows = rows
        self.size = size
        self.seed = seed
        self.rank, self.world = rank, world
        self.epoch = epoch

    def __len__(self) -> int:
        share = len(self.rows) // self.world if self.seed is not None else len(self._share(self.rows))
        # Batch normalisation can't learn from a batch of one face, so a shuffled epoch drops the remainder.
        return max(1, share // self.size) if self.seed is not None else -(-share // self.size)

    def __iter__(self) -> Iterator[Batch]:
        rows = self.rows
        if self.seed is not None:
            generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch())
            rows = rows[torch.randperm(len(rows), generator=generator)]
            rows = rows[: len(rows) // self.world * self.world]
        rows = self._share(rows).to(self.labels.device)
        for batch in rows.split(self.size)[: len(self)]:
            soft_labels = None if self.soft_labels is None else self.soft_labels[batch]
            yield inputs.select(self.inputs, batch), self.labels[batch], soft_labels

    def _share(self, rows: Tensor) -> Tensor:
        return rows[self.rank :: self.world]
