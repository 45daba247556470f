"""What the models on pixels share: enlarging, augmentation, views."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from fer import config
from fer.models.base import FaceModel, View, plain

# The poses in which `full` looks at a picture: shift right, shift down (shares of the side), turn (degrees),
# zoom. Each is seen plain and mirrored, in this order, so the first two views are those of `flip`. The set and its
# order were chosen on FER2013's val with one trained EfficientNet-B0: what lowers the log loss most comes first,
# opposite shifts and turns together. Log loss there: 0.884 for one view, 0.878 for 2 views, 0.870 for 6, 0.867 for 8,
# 0.866 for 18; shifts alone, ten views, give 0.870. Beyond these nothing helped (turns of 5 degrees, zoom of 0.9).
POSES = (
    (0.0, 0.0, 0.0, 1.0),
    (0.0, 0.0, 10.0, 1.0),
    (0.0, 0.0, -10.0, 1.0),
    (0.0, 0.0, 0.0, 1.1),
    (0.0, 0.04, 0.0, 1.0),
    (0.0, -0.04, 0.0, 1.0),
    (0.0, 0.0, 0.0, 1.2),
    (0.08, 0.0, 0.0, 1.0),
    (-0.08, 0.0, 0.0, 1.0),
)


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
        """The poses of `POSES`, each plain and mirrored: one view, the first two, or the first `count`."""
        poses = [Pose(*pose, mirrored, self.image_size) for pose in POSES for mirrored in (False, True)]
        return [plain, *poses[1 : {"none": 1, "flip": 2}.get(tta, count)]]


@dataclass(frozen=True)
class Pose:
    """One way of holding a picture; beyond its edge the edge goes on.

    Attributes:
        right, down: shift, shares of the side.
        degrees: turn, clockwise as the picture is seen.
        zoom: above 1 the face looks larger.
        mirrored: whether left and right change places first.
        size: side in pixels to which a face is enlarged first.
    """

    right: float
    down: float
    degrees: float
    zoom: float
    mirrored: bool
    size: int

    def __call__(self, images: Tensor) -> Tensor:
        """Faces [B, H, H] -> float32 [B, size, size], the same grey levels."""
        pictures = enlarge(images, self.size).unsqueeze(1)
        pictures = pictures.flip(-1) if self.mirrored else pictures
        if (self.right, self.down, self.degrees, self.zoom) == (0, 0, 0, 1):
            return pictures.squeeze(1)
        turn = torch.deg2rad(torch.tensor(self.degrees))
        cosine, sine = float(turn.cos()) / self.zoom, float(turn.sin()) / self.zoom
        # affine_grid asks where each pixel comes from, in units of half a side: hence the inverse transform.
        back = pictures.new_tensor([[cosine, sine], [-sine, cosine]])
        shift = back @ pictures.new_tensor([[-2 * self.right], [-2 * self.down]])
        matrix = torch.cat([back, shift], dim=1).expand(len(pictures), 2, 3)
        grid = functional.affine_grid(matrix, list(pictures.shape), align_corners=False)
        return functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False).squeeze(1)


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
