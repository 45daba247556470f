"""From a trained model's folder to probabilities, in one view of a face or averaged over several (TTA)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fer import artifacts, models
from fer.landmarks.symmetry import FLIP
from fer.models import cnn

# The poses in which `full` looks at a picture: shift right, shift down (shares of the side), turn (degrees),
# zoom. Each is seen plain and mirrored, in this order, so the first two views are those of `flip`.
POSES = (
    (0.0, 0.0, 0.0, 1.0),
    (0.04, 0.0, 0.0, 1.0),
    (-0.04, 0.0, 0.0, 1.0),
    (0.0, 0.04, 0.0, 1.0),
    (0.0, -0.04, 0.0, 1.0),
    (0.0, 0.0, 7.0, 1.0),
    (0.0, 0.0, -7.0, 1.0),
    (0.0, 0.0, 0.0, 1.08),
    (0.0, 0.0, 0.0, 0.92),
)

View = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Model:
    """A trained model, ready to predict.

    Attributes:
        name: one of `fer.emotions.MODELS`.
        network: in evaluation mode.
        arguments: what it was built with.
    """

    name: str
    network: nn.Module
    arguments: dict[str, Any]

    @classmethod
    def load(cls, folder: Path | str) -> "Model":
        """Rebuild the model that a train stage wrote.

        Raises:
            FerError: it is missing or damaged.
        """
        weights, config = artifacts.read_model(folder)
        return cls(config["name"], models.rebuild(weights, config), config["arguments"])

    def prepare(self, values: Tensor) -> Tensor:
        """A batch of `fer.models.inputs.load`'s values as the network takes them."""
        return cnn.prepare(values, self.arguments["image_size"]) if self.name == "cnn" else values


def views(name: str, tta: str, count: int) -> list[View]:
    """The ways in which a model looks at a face; the first is the face as it is.

    The landmark models see it plain and mirrored, also under `full`: their normalisation has removed shift,
    turn and scale, so other views would show them the same again.

    Args:
        name: of the model.
        tta: none, flip or full.
        count: how many views `full` has, at most two for each of `POSES`.
    """
    if tta == "none":
        return [_plain]
    if name != "cnn":
        return [_plain, _mirrored_landmarks]
    chosen: list[View] = []
    for pose in POSES:
        chosen += [_Picture(pose, mirrored=False), _Picture(pose, mirrored=True)]
    return chosen[: 2 if tta == "flip" else count]


def probabilities(
    model: Model, values: np.ndarray, looks: Sequence[View], batch: int, device: torch.device
) -> Iterator[np.ndarray]:
    """Class probabilities in each view, one array float32 [N, 7] a view.

    Args:
        model: the model.
        values: inputs of N faces, as `fer.models.inputs.load` gives them.
        looks: the views.
        batch: faces at a time.
        device: where the network runs.
    """
    network = model.network.to(device)
    for look in looks:
        parts = []
        with torch.inference_mode():
            for start in range(0, len(values), batch):
                part = torch.from_numpy(np.ascontiguousarray(values[start : start + batch])).to(device)
                parts.append(network(look(model.prepare(part))).float().softmax(1).cpu())
        yield torch.cat(parts).numpy()


def _plain(values: Tensor) -> Tensor:
    return values


def _mirrored_landmarks(features: Tensor) -> Tensor:
    from fer.training.augment import mirror, moved

    exchange = torch.from_numpy(FLIP).to(features.device)
    return moved(features, mirror(features[..., :3], exchange))


@dataclass(frozen=True)
class _Picture:
    """A pose of `POSES`, mirrored or not, for pictures float [B, 1, S, S]; beyond the edge the edge goes on."""

    pose: tuple[float, float, float, float]
    mirrored: bool

    def __call__(self, pictures: Tensor) -> Tensor:
        pictures = pictures.flip(-1) if self.mirrored else pictures
        if self.pose == POSES[0]:
            return pictures
        right, down, degrees, zoom = self.pose
        turn = torch.deg2rad(torch.tensor(degrees))
        cosine, sine = float(turn.cos()) / zoom, float(turn.sin()) / zoom
        # affine_grid asks where each pixel comes from, in units of half a side: hence the inverse transform.
        matrix = pictures.new_tensor([[cosine, -sine, -2 * right], [sine, cosine, -2 * down]])
        grid = functional.affine_grid(matrix.expand(len(pictures), 2, 3), list(pictures.shape), align_corners=False)
        return functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
