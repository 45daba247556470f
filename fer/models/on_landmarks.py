"""What the models on landmarks share: inputs without NaN, mirroring, augmentation, views."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from fer import config
from fer.landmarks.symmetry import FLIP
from fer.models.base import FaceModel, View, plain

_PART = 8192  # faces whose statistics are computed at a time


class LandmarkModel(FaceModel):
    """A model that sees normalised landmarks, float [B, 478, 3], NaN where none were found."""

    sees: ClassVar[str] = "landmarks"

    @classmethod
    def augmentation(cls, settings: config.LandmarkModel) -> nn.Module:
        """Mirror, turn and jitter."""
        return LandmarkAugmentation(settings.flip, settings.rotation, settings.jitter)

    def views(self, tta: str, count: int) -> list[View]:
        """The face and its mirror image; normalisation has removed shift, turn and size, so there are no more."""
        return [plain] if tta == "none" else [plain, mirror]


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

    def fit(self, values: Tensor, made_of: Callable[[Tensor], Tensor] = plain) -> None:
        """Set the statistics, ignoring NaN; axes of length 1 in `shape` are pooled.

        Args:
            values: float [N, ...].
            made_of: what forward will be given, made of some of the values. A part at a time: the values of half
                a million faces fit into memory once, but not several times.
        """
        pooled = [0] + [axis + 1 for axis, size in enumerate(self.mean.shape) if size == 1]

        def mean(of: Callable[[Tensor], Tensor]) -> Tensor:
            total, count = torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.int64)
            for part in values.split(_PART):
                made = made_of(part)
                known = ~torch.isnan(made)
                total = total + of(made.nan_to_num(0.0).double()).mul_(known).sum(pooled, keepdim=True)
                count = count + known.sum(pooled, keepdim=True)
            return total / count.clamp(min=1)

        centre = mean(plain)
        self.mean.copy_(centre[0])
        # A coordinate that never moves (the centre of the face, say) must not be divided by zero.
        self.std.copy_(mean(lambda made: (made - centre).square_())[0].sqrt().clamp(min=1e-4))

    def forward(self, values: Tensor) -> Tensor:
        """Standardise float [B, ...]; the result has no NaN."""
        return ((values - self.mean) / self.std).nan_to_num(0.0)


def mirror(points: Tensor) -> Tensor:
    """Mirror normalised landmarks [B, 478, 3]: x changes its sign, left and right points change places."""
    exchange = torch.as_tensor(FLIP, device=points.device)
    return points[:, exchange] * points.new_tensor([-1.0, 1.0, 1.0])


def turn(points: Tensor, degrees: Tensor) -> Tensor:
    """Turn landmarks [B, P, 3] about the origin in the image plane, clockwise as the image is seen.

    Args:
        points: the landmarks.
        degrees: float [B], the turn of each face.
    """
    radians = torch.deg2rad(degrees).reshape(-1, 1)
    x, y = points[..., 0], points[..., 1]
    cosine, sine = radians.cos(), radians.sin()
    return torch.stack([x * cosine - y * sine, x * sine + y * cosine, points[..., 2]], dim=-1)


class LandmarkAugmentation(nn.Module):
    """Mirror, turn and jitter normalised landmarks, each face by its own draw.

    Args:
        flip: chance of a mirrored face.
        rotation: standard deviation of the turn in the image plane, degrees.
        jitter: standard deviation of each coordinate's noise, in distances between the eyes.
    """

    def __init__(self, flip: float, rotation: float, jitter: float) -> None:
        super().__init__()
        self.flip, self.rotation, self.jitter = flip, rotation, jitter

    def forward(self, points: Tensor) -> Tensor:
        """Landmarks float [B, 478, 3] -> the same of varied faces; NaN stays NaN."""
        chosen = torch.rand(len(points), 1, 1, device=points.device) < self.flip
        points = torch.where(chosen, mirror(points), points)
        points = turn(points, torch.randn(len(points), device=points.device) * self.rotation)
        return points + torch.randn_like(points) * self.jitter
