"""The first layer of every landmark model: standardised inputs, with unknown values at the mean."""

import torch
from torch import Tensor, nn


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

    def fit(self, values: Tensor) -> None:
        """Set the statistics from float [N, ...], ignoring NaN; axes of length 1 in `shape` are pooled."""
        pooled = [0] + [axis + 1 for axis, size in enumerate(self.mean.shape) if size == 1]
        known = ~torch.isnan(values)
        count = known.sum(pooled, keepdim=True).clamp(min=1)
        filled = values.nan_to_num(0.0).double()
        mean = filled.sum(pooled, keepdim=True) / count
        variance = ((filled - mean) * known).square().sum(pooled, keepdim=True) / count
        self.mean.copy_(mean[0])
        # A coordinate that never moves (the centre of the face, say) must not be divided by zero.
        self.std.copy_(variance[0].sqrt().clamp(min=1e-4))

    def forward(self, values: Tensor) -> Tensor:
        """Standardise float [B, ...]; the result has no NaN."""
        return ((values - self.mean) / self.std).nan_to_num(0.0)
