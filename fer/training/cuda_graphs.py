"""A network whose steps are replayed as CUDA graphs: one launch instead of one for each of its many small kernels."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

Shape = tuple[tuple[int, ...], ...]
Call = Callable[..., Any]
Capture = Callable[[nn.Module, tuple[Tensor, ...]], Call]


class GraphedNetwork:
    """Calls a network as a CUDA graph, which is captured when inputs of a new shape come.

    An image network at 96 pixels has over a thousand kernels a step, each of which takes a GPU less time than the
    processor needs to launch it. The graphs hold the same kernels and draw the same random numbers, so a training ends
    with the same weights as without them.

    Args:
        network: on a CUDA device, in training mode when it is called. Its `forward` waits for no result.
        capture: makes a graph of a module and its arguments; None is torch's.
    """

    def __init__(self, network: nn.Module, capture: Capture | None = None) -> None:
        self.network = network
        self.capture = capture or torch.cuda.make_graphed_callables
        self._graphs: dict[Shape, Call] = {}

    def __call__(self, **inputs: Tensor) -> Tensor:
        """Logits float [B, 7] of the inputs that the network takes."""
        shape = tuple(tuple(values.shape) for values in inputs.values())
        if shape not in self._graphs:
            try:
                self._graphs[shape] = self._captured(inputs)
            except RuntimeError as error:
                reason = " ".join(str(error).split())[:150]
                print(f"This network can't be captured as a CUDA graph ({reason}), so its steps are slower.")
                self._graphs[shape] = _Positional(self.network, list(inputs))
        logits: Tensor = self._graphs[shape](*inputs.values())
        return logits

    def _captured(self, inputs: Mapping[str, Tensor]) -> Call:
        """The graph; what the trial steps before its capture change is put back."""
        values = tuple(own.clone() for own in inputs.values())
        before = [buffer.clone() for buffer in self.network.buffers()]
        devices = sorted({own.device.index for own in values if own.is_cuda})
        half, dtype = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")
        try:
            # A graph can't use casts of weights that were made before it, so none are kept.
            with torch.random.fork_rng(devices), torch.autocast("cuda", dtype, half, cache_enabled=False):
                return self.capture(_Positional(self.network, list(inputs)), values)
        finally:
            for buffer, value in zip(self.network.buffers(), before, strict=True):
                buffer.copy_(value)


class _Positional(nn.Module):
    """A network that takes its inputs in an order instead of by name, as a capture wants them."""

    def __init__(self, network: nn.Module, names: list[str]) -> None:
        super().__init__()
        self.network, self.names = network, names

    def forward(self, *values: Tensor) -> Tensor:
        logits: Tensor = self.network(**dict(zip(self.names, values, strict=True)))
        return logits
