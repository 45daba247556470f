"""The perceptron on normalised landmarks: the simplest model, and a hard one to beat."""

from collections.abc import Sequence

from torch import Tensor, nn

from fer.emotions import EMOTIONS
from fer.models.standardize import Standardize


class LandmarkMLP(nn.Module):
    """Fully connected network: 478 x 3 coordinates -> hidden layers -> 7 logits.

    Each hidden layer is linear, batch normalisation (Ioffe and Szegedy 2015), ReLU, dropout.

    Args:
        hidden: widths of the hidden layers.
        dropout: share of hidden units silenced in training.
        points: landmarks a face.
    """

    def __init__(self, hidden: Sequence[int], dropout: float, points: int = 478) -> None:
        super().__init__()
        self.standardize = Standardize((points, 3))
        layers: list[nn.Module] = []
        width = points * 3
        for size in hidden:
            layers += [nn.Linear(width, size), nn.BatchNorm1d(size), nn.ReLU(), nn.Dropout(dropout)]
            width = size
        self.layers = nn.Sequential(*layers, nn.Linear(width, len(EMOTIONS)))

    def forward(self, landmarks: Tensor) -> Tensor:
        """Normalised landmarks float [B, 478, 3], NaN where unknown -> logits float [B, 7]."""
        logits: Tensor = self.layers(self.standardize(landmarks).flatten(1))
        return logits
