"""Augmentation on the training device, drawn anew for each face of each batch."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fer import config
from fer.models import cnn


def turn(points: Tensor, degrees: Tensor | float) -> Tensor:
    """Turn coordinates [B, P, 3] about the origin in the image plane, clockwise as the image is seen."""
    radians = torch.deg2rad(torch.as_tensor(degrees, dtype=points.dtype, device=points.device)).reshape(-1, 1)
    x, y = points[..., 0], points[..., 1]
    cosine, sine = radians.cos(), radians.sin()
    return torch.stack([x * cosine - y * sine, x * sine + y * cosine, points[..., 2]], dim=-1)


def mirror(points: Tensor, exchange: Tensor) -> Tensor:
    """Mirror coordinates [B, P, 3]: x changes its sign, left and right points change places.

    Args:
        points: normalised coordinates.
        exchange: int64 [P], the mirror partner of each point.
    """
    return points[:, exchange] * points.new_tensor([-1.0, 1.0, 1.0])


def moved(features: Tensor, points: Tensor) -> Tensor:
    """Give features [B, P, 3 k] new coordinates.

    The features are the coordinates, then offsets of the coordinates from fixed points: all move alike.

    Args:
        features: the old features.
        points: the new coordinates, float [B, P, 3].
    """
    return features + (points - features[..., :3]).repeat(1, 1, features.shape[-1] // 3)


class LandmarkAugmentation(nn.Module):
    """Mirror, turn and jitter normalised landmarks, each face by its own draw.

    Args:
        recipe: with `flip`, `rotation` (degrees) and `jitter` (inter-ocular distances).
        exchange: int64 [478], the mirror partner of each landmark.
    """

    exchange: Tensor

    def __init__(self, recipe: config.LandmarkModel, exchange: Sequence[int]) -> None:
        super().__init__()
        self.recipe = recipe
        self.register_buffer("exchange", torch.as_tensor(exchange, dtype=torch.int64))

    def forward(self, features: Tensor) -> Tensor:
        """Features float [B, 478, 3 k] as `moved` takes them -> the same of augmented faces; NaN stays NaN."""
        points = features[..., :3]
        chosen = torch.rand(len(points), 1, 1, device=points.device) < self.recipe.flip
        points = torch.where(chosen, mirror(points, self.exchange), points)
        points = turn(points, torch.randn(len(points), device=points.device) * self.recipe.rotation)
        points = points + torch.randn_like(points) * self.recipe.jitter
        return moved(features, points)


class ImageAugmentation(nn.Module):
    """Enlarge grey faces to the network's size, then vary each by its own draw (kornia).

    Args:
        ranges: of the transformations.
        size: side in pixels of the result.
    """

    def __init__(self, ranges: config.ImageAugmentation, size: int) -> None:
        import kornia.augmentation as k

        super().__init__()
        self.size = size
        steps = [
            k.RandomHorizontalFlip(p=ranges.flip),
            k.RandomAffine(
                degrees=ranges.rotation,
                translate=(ranges.translation, ranges.translation),
                scale=(1 - ranges.scale, 1 + ranges.scale),
                padding_mode="border",
                p=1.0,
            ),
            k.RandomBrightness(brightness=(1 - ranges.brightness, 1 + ranges.brightness), p=1.0),
            k.RandomContrast(contrast=(1 - ranges.contrast, 1 + ranges.contrast), p=1.0),
            k.RandomErasing(scale=(0.02, 0.2), ratio=(0.3, 3.3), value=0.5, p=ranges.erasing),
        ]
        self.steps = nn.Sequential(*steps)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Faces uint8 [B, H, W] -> float [B, 1, size, size] in 0 .. 1."""
        varied: Tensor = self.steps(cnn.prepare(images, self.size))
        return varied.clamp(0, 1)


class Prepare(nn.Module):
    """`cnn.prepare` as a module: what the network gets when nothing is augmented.

    Args:
        size: side in pixels of the result.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        """Faces uint8 [B, H, W] -> float [B, 1, size, size] in 0 .. 1."""
        return cnn.prepare(images, self.size)


def mixup(inputs: Tensor, labels: Tensor, alpha: float, classes: int) -> tuple[Tensor, Tensor]:
    """Mix each input with another of the batch (Zhang et al., "mixup", 2018).

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
