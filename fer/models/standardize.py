"""Standardisation with statistics that travel with the weights, and inputs without NaN."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

_PART = 8192  # faces whose statistics are computed at a time


class Standardize(nn.Module):
    """Subtract the mean, divide by the standard deviation, and put 0 where the input is NaN.

    A face in which no landmarks were found is all NaN, so it enters a model as the mean face. The statistics
    are buffers: they travel with the weights, and no prediction can be made with others.

    Args:
        shape: shape of the statistics; it must broadcast against an input without its batch axis.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("std", torch.ones(shape))

    def fit(self, values: Tensor, features: Callable[[Tensor], Tensor] = lambda values: values) -> None:
        """Set the statistics, ignoring NaN; axes of length 1 in `shape` are pooled.

        Args:
            values: float [N, ...].
            features: computes what `forward` will be given from some of the values. It is called for some
                thousand faces at a time: the features of half a million faces would not fit into memory.
        """
        pooled = [0] + [axis + 1 for axis, size in enumerate(self.mean.shape) if size == 1]

        def mean(of: Callable[[Tensor], Tensor]) -> Tensor:
            total, count = torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.int64)
            for part in values.split(_PART):
                made = features(part)
                known = ~torch.isnan(made)
                total = total + of(made.nan_to_num(0.0).double()).mul_(known).sum(pooled, keepdim=True)
                count = count + known.sum(pooled, keepdim=True)
            return total / count.clamp(min=1)

        centre = mean(lambda made: made)
        self.mean.copy_(centre[0])
        # A coordinate that never moves (the centre of the face, say) must not be divided by zero.
        self.std.copy_(mean(lambda made: (made - centre).square_())[0].sqrt().clamp(min=1e-4))

    def forward(self, values: Tensor) -> Tensor:
        """Standardise float [B, ...]; the result has no NaN."""
        return ((values - self.mean) / self.std).nan_to_num(0.0)
