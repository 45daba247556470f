"""One network that sees pixels and landmarks: the features of the trained cnn and mlp, joined before the head."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn

from fer import artifacts, config, hashing, models, paths
from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.models.base import FaceModel
from fer.models.cnn import FaceCNN
from fer.models.mlp import LandmarkMLP

PARTS: Final = ("cnn", "mlp")
START: Final = paths.MODELS / "fusion_weights"
"""What the first epoch begins with, and the arguments of both networks."""

# The log loss of the weighted mean of the two models' log probabilities on val is smallest from 0.7 to 0.8.
CNN_SHARE, MLP_SHARE = 0.7, 0.3


class FusionNet(FaceModel):
    """Image features and landmark features -> hidden layer -> 7 logits; the logits see the landmark features as well.

    Image features are those of the cnn's backbone, landmark features those of the mlp's last hidden layer. Both
    networks were trained before and go on learning, at a rate of their own. The head begins as their two heads side by
    side: the first logits are the weighted mean of both models' calibrated ones, and what the hidden layer makes of
    the landmark features begins at zero. So the training begins with what the two know together.

    Args:
        cnn: the arguments of the image network.
        mlp: those of the landmark network.
        dropout: in the head.
    """

    inputs: ClassVar[tuple[str, ...]] = ("pixels", "landmarks")
    starts_pretrained: ClassVar[bool] = True
    backbones: ClassVar[tuple[str, ...]] = ("cnn.", "mlp.")

    def __init__(self, cnn: Mapping[str, Any], mlp: Mapping[str, Any], dropout: float) -> None:
        super().__init__()
        self.cnn, self.mlp = FaceCNN(**cnn), LandmarkMLP(**mlp)
        self.image_size = self.cnn.image_size
        first, last = _linear(self.cnn.head[1]), _linear(self.cnn.head[-1])
        points = _linear(self.mlp.layers[-1]).in_features
        # Without their heads the two give features; the mlp also without the last dropout, since the head has its own.
        self.cnn.head = nn.Sequential()
        self.mlp.layers = self.mlp.layers[:-2]
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(first.in_features + points, first.out_features)
        self.answer = nn.Linear(last.in_features + points, len(EMOTIONS))

    @classmethod
    def arguments(cls, settings: config.Fusion, data: Path) -> dict[str, Any]:
        """The constructor's arguments; those of the two networks as they were trained.

        Raises:
            FerError: the stage `fusion_weights` has not run.
        """
        file = START / artifacts.CONFIG_FILE
        found = artifacts.read_json(file)
        with artifacts.validating(file):
            return {**{name: dict(found["arguments"][name]) for name in PARTS}, "dropout": settings.dropout}

    @classmethod
    def fetch_pretrained(cls, settings: config.Fusion) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The first weights, from the trained cnn and mlp, and their origin.

        Raises:
            FerError: one of them is not trained.
        """
        trained = {name: models.load(paths.MODELS / name, name) for name in PARTS}
        arguments = {name: about["arguments"] for name, (_, about) in trained.items()}
        network = cls(**arguments, dropout=settings.dropout)
        cnn, mlp = (found for found, _ in trained.values())
        assert isinstance(cnn, FaceCNN)
        assert isinstance(mlp, LandmarkMLP)
        network.join(cnn, mlp)
        files = [paths.MODELS / name / artifacts.WEIGHTS_FILE for name in PARTS]
        origin = {
            "source": " and ".join(map(str, files)),
            "sha256": " and ".join(map(hashing.sha256_of_file, files)),
            "arguments": arguments,
            # The stages that run this network depend on its own code, and through this digest on that of both parts.
            "code": hashing.sha256([Path(inspect.getfile(kind)).read_bytes() for kind in (FaceCNN, LandmarkMLP)]),
        }
        return network.state_dict(), origin

    def load_pretrained(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin with the weights that the stage `fusion_weights` has made.

        Raises:
            FerError: they belong to other networks.
        """
        try:
            self.load_state_dict(dict(tensors))
        except RuntimeError as error:
            raise FerError(f"{START} holds the weights of other networks. Run `dvc repro`.") from error

    @torch.no_grad()
    def join(self, cnn: FaceCNN, mlp: LandmarkMLP) -> None:
        """Take over the weights of two trained networks, so that the logits are the weighted mean of theirs."""
        self.cnn.load_state_dict({name: own for name, own in cnn.state_dict().items() if not name.startswith("head.")})
        self.mlp.load_state_dict({name: own for name, own in mlp.state_dict().items() if name in self.mlp.state_dict()})
        first, last, answer = map(_linear, (cnn.head[1], cnn.head[-1], mlp.layers[-1]))
        images = first.in_features
        self.hidden.weight[:, :images].copy_(first.weight)
        self.hidden.weight[:, images:].zero_()
        self.hidden.bias.copy_(first.bias)
        of_cnn, of_mlp = CNN_SHARE / cnn.temperature, MLP_SHARE / mlp.temperature
        self.answer.weight.copy_(torch.cat([of_cnn * last.weight, of_mlp * answer.weight], dim=1))
        self.answer.bias.copy_(of_cnn * last.bias + of_mlp * answer.bias)

    def forward(self, pixels: Tensor, landmarks: Tensor) -> Tensor:
        """Logits float [B, 7].

        Args:
            pixels: grey faces [B, H, H], levels 0 .. 255 of any dtype.
            landmarks: normalised landmarks float [B, 478, 3], NaN where unknown: such a face has the mean landmarks.
        """
        points = self.mlp(landmarks)
        joined = self.dropout(torch.cat([self.cnn(pixels), points], dim=1))
        hidden = self.dropout(nn.functional.silu(self.hidden(joined)))
        logits: Tensor = self.answer(torch.cat([hidden, self.dropout(points)], dim=1))
        return logits


def _linear(layer: nn.Module) -> nn.Linear:
    assert isinstance(layer, nn.Linear)
    return layer
