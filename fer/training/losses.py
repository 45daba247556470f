"""What a training makes smaller: cross-entropy or focal loss of soft targets, and the distance to a teacher."""

import torch
from torch import Tensor, nn

from fer.config_parts import Recipe

_SUREST = 1e-6  # least distance of a probability from 1: the slope of a power below 1 has no end at 0


def loss(logits: Tensor, targets: Tensor, recipe: Recipe, weight: Tensor) -> Tensor:
    """The mean loss of a batch: of the labels, and of a teacher's answers where there are some.

    Args:
        logits: float [B, 7].
        targets: float [B, 7], the share of each class in a face, before label smoothing; or [B, 14], followed by what
            `softened` makes of a teacher's answers.
        recipe: `loss`, `focal_gamma`, `label_smoothing` and `distill` are used.
        weight: float [7], of each class.
    """
    classes = logits.shape[1]
    labels, taught = targets[:, :classes], targets[:, classes:]
    if recipe.loss == "focal":
        found = focal_loss(logits, labels, recipe.focal_gamma, weight, recipe.label_smoothing)
    else:
        found = nn.functional.cross_entropy(logits, labels, weight=weight, label_smoothing=recipe.label_smoothing)
    if recipe.distill is None or not taught.numel():
        return found
    share = recipe.distill.weight
    return (1 - share) * found + share * distillation(logits, taught, recipe.distill.temperature)


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


def softened(probabilities: Tensor, recipe: Recipe) -> Tensor:
    """A teacher's answers float [B, 7], softened by the temperature of `recipe.distill`."""
    temperature = recipe.distill.temperature if recipe.distill else 1.0
    return (probabilities.clamp_min(1e-7).log() / temperature).softmax(1)


def distillation(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """Cross-entropy with a teacher's answers (Hinton et al. 2015), the mean of a batch.

    The square of the temperature keeps the slope about as steep as that of the labels.

    Args:
        logits: float [B, 7], of the student; they are softened here.
        taught: float [B, 7], what `softened` gives.
        temperature: at least 1; a higher one tells more of the classes that the teacher finds unlikely.
    """
    return temperature**2 * nn.functional.cross_entropy(logits / temperature, taught)
