"""What a training makes smaller: cross-entropy or focal loss of soft targets."""

import torch
from torch import Tensor, nn

from fer.config_parts import Recipe

_SUREST = 1e-6  # least distance of a probability from 1: the slope of a power below 1 has no end at 0


def loss(logits: Tensor, targets: Tensor, recipe: Recipe, weight: Tensor) -> Tensor:
    """The mean loss of a batch, as `recipe.loss` says.

    Args:
        logits: float [B, 7].
        targets: float [B, 7], the share of each class in a face, before label smoothing.
        recipe: `loss`, `focal_gamma` and `label_smoothing` are used.
        weight: float [7], of each class.
    """
    if recipe.loss == "focal":
        return focal_loss(logits, targets, recipe.focal_gamma, weight, recipe.label_smoothing)
    return nn.functional.cross_entropy(logits, targets, weight=weight, label_smoothing=recipe.label_smoothing)


def focal_loss(logits: Tensor, targets: Tensor, gamma: float, weight: Tensor, label_smoothing: float) -> Tensor:
    """Focal loss (Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017), the mean of a batch.

    Of a face of class c it is -(1 - p)^gamma log p, p being the probability of c: faces that are recognised easily
    count less. Like cross-entropy it is linear in the targets, so a mixed face has the mixture of the losses of its two
    labels, and a smoothed label the mixture of its own and of all classes'. With gamma 0 it is cross-entropy.

    Args:
        logits: float [B, 7].
        targets: float [B, 7].
        gamma: how much less easy faces count, at least 0.
        weight: float [7], of each class.
        label_smoothing: share of the target that all classes have alike.
    """
    targets = targets * (1 - label_smoothing) + label_smoothing / targets.shape[1]
    log_p = logits.float().log_softmax(1)
    difficulty = (-torch.expm1(log_p)).clamp_min(_SUREST) ** gamma
    return -(weight * targets * difficulty * log_p).sum(1).mean()
