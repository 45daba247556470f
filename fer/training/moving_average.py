"""The average of a network's weights over the last steps, which answers better than the last weights do."""

import copy

import torch
from torch import Tensor, nn


class MovingAverage(nn.Module):
    """Exponential moving average of a network's parameters and buffers, the network `module`.

    torch's `AveragedModel` would do, but makes a GPU wait in each step to read how many there were.

    Args:
        network: whose weights are averaged; the average begins with them.
        decay: share of the average that stays in a step. It starts low, so that the first epochs are not held at the
            initial weights.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        # Nothing is learned here, and several processes would wait for gradients that never come.
        self.module = copy.deepcopy(network).requires_grad_(False)
        self.decay = decay
        self._pairs: dict[bool, tuple[list[Tensor], list[Tensor]]] = {}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Let the average follow the network.

        Args:
            network: the one that learns, always the same, on the device on which it stays.
            step: how many updates there were before; the first one copies the weights.
        """
        if not self._pairs:
            for floating in (True, False):
                averaged, current = (
                    [own for own in (*one.parameters(), *one.buffers()) if own.is_floating_point() == floating]
                    for one in (self.module, network)
                )
                self._pairs[floating] = averaged, current
        averaged, current = self._pairs[True]
        if step == 0:
            torch._foreach_copy_(averaged, current)
        else:
            torch._foreach_lerp_(averaged, current, 1 - min(self.decay, (1 + step) / (10 + step)))
        if self._pairs[False][0]:  # whole numbers, say of batch normalisation
            torch._foreach_copy_(*self._pairs[False])
