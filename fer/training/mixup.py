"""Mixup (Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018) for several inputs of any shape.

torchvision's and timm's versions take pictures alone; here landmarks are mixed as well, and by the same share.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from fer.inputs import known


def mixup(values: Mapping[str, Tensor], targets: Tensor, alpha: float) -> tuple[dict[str, Tensor], Tensor]:
    """Mix each face with another of the batch.

    A face without landmarks is not mixed, and no face is mixed with it: its NaN would make the mixture a face without
    landmarks too, which would still carry the other face's share of the label.

    Args:
        values: the inputs, float [B, ...] each.
        targets: float [B, ...], what is to be answered.
        alpha: of Beta(alpha, alpha), from which the batch's share is drawn; 0 mixes nothing.

    Returns:
        The mixed inputs and targets.
    """
    if alpha == 0:
        return dict(values), targets
    drawn = torch.distributions.Beta(alpha, alpha).sample().item()
    partner = torch.randperm(len(targets), device=targets.device)
    complete = known(values)
    share = torch.where(complete & complete[partner], drawn, 1.0)

    def mixed(first: Tensor) -> Tensor:
        weight = share.reshape(-1, *[1] * (first.ndim - 1)).to(first.dtype)
        # Where nothing is mixed the partner may be NaN, and 0 times NaN is NaN.
        return torch.where(weight == 1, first, first * weight + first[partner] * (1 - weight))

    return {name: mixed(own) for name, own in values.items()}, mixed(targets)
