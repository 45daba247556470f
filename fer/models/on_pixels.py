"""What the models on pixels share: enlarging, augmentation, views."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from fer import config
from fer.models.base import FaceModel, View, plain
from fer.models.poses import POSES, Pose


def enlarge(images: Tensor, size: int) -> Tensor:
    """Bring square grey faces to a network's size; those that have it stay as they are.

    Args:
        images: grey levels 0 .. 255 of any dtype, [B, H, H].
        size: side in pixels of the result.

    Returns:
        float32 [B, size, size], 0 .. 255.
    """
    pixels = images.float()
    if images.shape[-1] == size:
        return pixels
    return functional.interpolate(pixels.unsqueeze(1), size=(size, size), mode="bilinear", antialias=True).squeeze(1)


class PixelModel(FaceModel):
    """A model that sees grey faces, uint8 [B, S, S] (or, once varied, float of the same levels).

    Attributes:
        image_size: side in pixels to which it enlarges a face.
    """

    sees: ClassVar[str] = "pixels"
    image_size: int

    @classmethod
    def augmentation(cls, settings: config.Cnn) -> nn.Module:
        """Move, turn, zoom, mirror, light and erase."""
        return ImageAugmentation(settings.augment, settings.image_size)

    def views(self, tta: str, count: int) -> list[View]:
        """Poses, each plain and mirrored: one view, the first two, or the first `count`."""
        return [plain, *(Posed(pose, self.image_size) for pose in POSES[1 : {"none": 1, "flip": 2}.get(tta, count)])]


@dataclass(frozen=True)
class Posed:
    """The view that enlarges faces and holds them in a pose.

    Attributes:
        pose: which one.
        size: side in pixels to which a face is enlarged first.
    """

    pose: Pose
    size: int

    def __call__(self, images: Tensor) -> Tensor:
        """Faces [B, H, H] -> float32 [B, size, size], the same grey levels."""
        pictures = enlarge(images, self.size)
        if self.pose == Pose(mirrored=True):  # exactly, and without interpolation
            return pictures.flip(-1)
        return hold(pictures, torch.from_numpy(self.pose.matrix()))


def hold(pictures: Tensor, matrix: Tensor) -> Tensor:
    """Hold pictures float [B, S, S] in the pose whose matrix float [2, 3] this is: bilinear, edges go on."""
    count, size = pictures.shape[0], pictures.shape[-1]
    # The middles of the pixels, in units of half a side.
    axis = (torch.arange(size, device=pictures.device) * 2 + 1) / size - 1
    down, right = torch.meshgrid(axis, axis, indexing="ij")
    places = torch.stack([right, down, torch.ones_like(right)], dim=-1)
    grid = (places @ matrix.to(pictures).T).expand(count, size, size, 2)
    held = functional.grid_sample(pictures.unsqueeze(1), grid, padding_mode="border", align_corners=False)
    return held.squeeze(1)


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
        """Faces [B, H, H] of grey levels 0 .. 255 -> float32 [B, size, size], likewise."""
        varied: Tensor = self.steps(enlarge(images, self.size).unsqueeze(1) / 255)
        return varied.clamp(0, 1).squeeze(1) * 255
