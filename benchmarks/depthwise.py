"""The cnn's training step with torch's own gradient of depthwise convolutions over small maps, beside ours."""

from collections.abc import Callable, Iterator

import torch

from benchmarks import made
from benchmarks.measure import Bench, Row, compared
from fer.config import Cnn
from fer.depthwise import FastDepthwiseGradients


def rows(bench: Bench) -> Iterator[Row]:
    """Training steps of the same network on pictures of both sizes at which it is trained, on a CPU alone."""
    if bench.device != "cpu":
        return
    settings = bench.params.cnn
    batch = 2 if bench.quick else settings.optim.batch_size
    for size in (settings.small_size, settings.image_size):
        own = step(made.changed(settings, image_size=size), batch)

        def ours(step: Callable[[], None] = own) -> None:
            with FastDepthwiseGradients():
                step()

        found = bench.in_turns({"plain": bench.speed(own, batch), "ours": bench.speed(ours, batch)})
        note = "plain: torch's own gradient of depthwise convolutions over maps smaller than their kernel"
        yield compared(
            f"depthwise.{size}", f"cnn at {size} px, training step", "faces/s", found["plain"], found["ours"], note
        )


def step(settings: Cnn, batch: int) -> Callable[[], None]:
    """A training step of everything on one ready batch.

    Args:
        settings: of the network.
        batch: faces.
    """
    network = made.network("cnn", settings)
    data = made.data(network.inputs, batch)
    optimizer = torch.optim.AdamW(network.parameters())
    return lambda: made.learn(network(**data.inputs), data.labels, optimizer)
