"""Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017)."""

from typing import Final

import torch
from torch import Tensor, nn

from fer import inputs
from fer.models.base import FaceModel
from fer.training.batches import TrainingData

LIMITS: Final = (0.05, 20.0)
_BATCH: Final = 32  # what a layer makes of so many faces stays in a processor's cache


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature with the smallest log loss: probabilities are softmax(logits / temperature).

    Args:
        logits: float [N, 7].
        labels: int64 [N].

    Returns:
        The temperature, within `LIMITS`. Above 1 the network was too sure of its answers, below 1 not sure enough.
    """
    from scipy.optimize import minimize_scalar

    logits = logits.double()

    def log_loss(inverse: float) -> float:  # of the inverse temperature it is convex
        return float(nn.functional.cross_entropy(logits * inverse, labels))

    best = minimize_scalar(log_loss, bounds=(1 / LIMITS[1], 1 / LIMITS[0]), method="bounded").x
    return round(1 / float(best), 4)


@torch.no_grad()
def val_logits(network: FaceModel, data: TrainingData, device: torch.device) -> Tensor:
    """Logits of the val split in one view, float [N, 7], on the CPU.

    Args:
        network: with its trained weights; it is moved to the device and put into evaluation mode.
        data: the faces.
        device: on which the network runs.
    """
    network.eval().to(device)
    batches = (inputs.select(data.inputs, rows) for rows in data.val.split(_BATCH))
    moved = ({name: values.to(device) for name, values in batch.items()} for batch in batches)
    return torch.cat([network(**batch).float().cpu() for batch in moved])
