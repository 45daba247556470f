"""How fast the models could be at most here: their operations at the speed of a product of two large matrices.

Nothing that a network does is faster than such a product, and most of it, such as depthwise convolutions, attention and
normalisation, waits for memory instead. A target above this limit needs another network, fewer epochs or another
processor.
"""

from collections.abc import Iterator

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import made
from benchmarks.measure import Bench, Row, single
from fer import models

SIDE = 1024  # of the matrices
BATCH = 8  # faces of which the operations are counted


def rows(bench: Bench) -> Iterator[Row]:
    """The speed of a matrix product, and what it allows each model."""
    alone = speeds(bench, threads=1)
    yield single("arithmetic.one", "product of two matrices of 1024 x 1024, one thread", "GFLOP/s", alone)
    together = speeds(bench, torch.get_num_threads())
    yield single("arithmetic.all", "product of two matrices of 1024 x 1024, all threads", "GFLOP/s", together)
    for name in models.MODELS:
        step, answer = operations(bench, name)
        note = f"{1000 * step:,.0f} million operations a face, each as fast as in that product"
        # By the fastest product: a disturbance of the machine is no limit.
        yield single(f"limit.{name}", f"{name}, training at most", "faces/s", [max(together) / step], note)
        note = f"{1000 * answer:,.0f} million operations, each as fast as in that product"
        took = 1000 * answer / max(alone)
        yield single(f"limit.latency.{name}", f"{name}, one face on one thread at least", "ms", [took], note)


def speeds(bench: Bench, threads: int) -> list[float]:
    """Operations in a second, in thousands of millions: float32 on a CPU, bfloat16 on a GPU."""
    side, kind = (64, torch.float32) if bench.quick else (SIDE, torch.float32)
    if bench.device == "cuda":
        side, kind = 8 * side, torch.bfloat16
    matrix = torch.randn(side, side, device=bench.device, dtype=kind)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = bench.in_turns({"product": bench.speed(lambda: matrix @ matrix, 2 * side**3 / 1e9)}, share=0.3)
    finally:
        torch.set_num_threads(before)
    return found["product"]


def operations(bench: Bench, name: str) -> tuple[float, float]:
    """Multiplications and additions for a face, in thousands of millions: of a training step and of an answer.

    A backward pass has twice as many as a forward pass: one product for the gradients of the weights, one for those of
    the layer's input. They are not counted by themselves, since torch counts too many for grouped convolutions.
    """
    network = made.network(name, bench.params.model(name)).to(bench.device)
    data = made.data(network.inputs, BATCH).to(torch.device(bench.device))
    with FlopCounterMode(display=False) as learning, torch.no_grad():
        network(**data.inputs)
    network.eval()
    with FlopCounterMode(display=False) as answered, torch.no_grad():
        network(**data.inputs)
    return 3 * learning.get_total_flops() / BATCH / 1e9, answered.get_total_flops() / BATCH / 1e9
