"""The perceptron on normalised landmarks: the simplest model, and a hard one to beat."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from fer import config
from fer.emotions import EMOTIONS
from fer.models.base import FaceModel
from fer.models.standardize import Standardize
from fer.sizes import POINTS


class LandmarkMLP(FaceModel):
    """Fully connected network: 478 x 3 coordinates -> hidden layers -> 7 logits.

    Each hidden layer is linear, batch normalisation (Ioffe and Szegedy 2015), ReLU, dropout.

    Args:
        hidden: widths of the hidden layers.
        dropout: share of hidden units silenced in training.
    """

    inputs: ClassVar[tuple[str, ...]] = ("landmarks",)

    def __init__(self, hidden: Sequence[int], dropout: float) -> None:
        super().__init__()
        self.standardize = Standardize((POINTS, 3))
        layers: list[nn.Module] = []
        width = POINTS * 3
        for size in hidden:
            layers += [nn.Linear(width, size), nn.BatchNorm1d(size), nn.ReLU(), nn.Dropout(dropout)]
            width = size
        self.layers = nn.Sequential(*layers, nn.Linear(width, len(EMOTIONS)))

    @classmethod
    def arguments(cls, settings: config.Mlp, data: Path) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"hidden": settings.hidden, "dropout": settings.dropout}

    def learn_statistics(self, inputs: Mapping[str, Tensor], data: Path) -> None:
        """Set the mean and spread of each coordinate."""
        self.standardize.fit(inputs["landmarks"])

    def forward(self, landmarks: Tensor) -> Tensor:
        """Normalised landmarks float [B, 478, 3], NaN where unknown -> logits float [B, 7]."""
        logits: Tensor = self.layers(self.standardize(landmarks).flatten(1))
        return logits
