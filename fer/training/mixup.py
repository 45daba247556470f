"""Mixup (Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018) for inputs of any shape.

torchvision's and timm's versions take pictures alone; the landmark models mix points.
"""

import torch
from torch import Tensor, nn


def mixup(inputs: Tensor, labels: Tensor, alpha: float, classes: int) -> tuple[Tensor, Tensor]:
    """Mix each input with another of the batch.

    Args:
        inputs: float [B, ...].
        labels: int64 [B].
        alpha: of Beta(alpha, alpha), from which the batch's share is drawn; 0 mixes nothing.
        classes: how many there are.

    Returns:
        The mixed inputs, and targets float [B, classes].
    """
    targets = nn.functional.one_hot(labels, classes).to(torch.float32)
    if alpha == 0:
        return inputs, targets
    share = torch.distributions.Beta(alpha, alpha).sample().item()
    partner = torch.randperm(len(labels), device=labels.device)
    return inputs * share + inputs[partner] * (1 - share), targets * share + targets[partner] * (1 - share)
