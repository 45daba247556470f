"""What the models on landmarks share: inputs without NaN, mirroring, augmentation, views."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from fer import config
from fer.landmarks.symmetry import FLIP
from fer.models.base import FaceModel, View, plain


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

    def fit(self, values: Tensor) -> None:
        """Set the statistics from float [N, ...], ignoring NaN; axes of length 1 in `shape` are pooled."""
        pooled = [0] + [axis + 1 for axis, size in enumerate(self.mean.shape) if size == 1]
        known = ~torch.isnan(values)
        count = known.sum(pooled, keepdim=True).clamp(min=1)
        filled = values.nan_to_num(0.0).double()
        mean = filled.sum(pooled, keepdim=True) / count
        variance = ((filled - mean) * known).square().sum(pooled, keepdim=True) / count
        self.mean.copy_(mean[0])
        # A coordinate that never moves (the centre of the face, say) must not be divided by zero.
        self.std.copy_(variance[0].sqrt().clamp(min=1e-4))

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
