"""The input `pixels`: square grey faces, uint8 [n, S, S]."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fer.inputs.base import Draw, Input
from fer.inputs.poses import POSES, Pose

if TYPE_CHECKING:
    from torch import Tensor

# Random erasing (Zhong et al. 2020): the rectangle's share of the picture, its sides' ratio, and the grey it gets.
ERASED_AREA, ERASED_RATIO, ERASED_LEVEL = (0.02, 0.2), (0.3, 3.3), 127.5

# Occlusion fades a soft patch into the blurred face: how many patches there are along a side, and the deviation of a
# patch and of the blur, in sides.
PATCHES, PATCH, BLUR = 10, 0.1, 1 / 6


class PixelInput(Input):
    """Grey levels 0 .. 255. A network that sees them has an `image_size`, to which they are enlarged."""

    name: ClassVar[str] = "pixels"
    poses: ClassVar[tuple[Pose, ...]] = POSES

    def load(self, data: Path) -> np.ndarray:
        """Read the output of the stage `download`."""
        from fer.data.faces import Faces

        return np.array(Faces.load(data / "faces").images)

    def from_crops(self, crops: np.ndarray, landmarks: Any) -> np.ndarray:
        """The crops as they are, contiguous."""
        return np.ascontiguousarray(crops)

    def example(self, size: int) -> np.ndarray:
        """A black face."""
        return np.zeros((1, size, size), np.uint8)

    def parts(self, size: int) -> np.ndarray:
        """Soft patches all over the picture: a square's edges would be something new to see."""
        places = (np.arange(size) + 0.5) / size
        centres = (np.arange(PATCHES) + 0.5) / PATCHES
        along = np.exp(-(((places - centres[:, None]) / PATCH) ** 2) / 2)
        masks: np.ndarray = along[:, None, :, None] * along[None, :, None, :]
        return masks.reshape(-1, size, size).astype(np.float32)

    def hide(self, values: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """The faces, blurred where a mask is: nothing is left there but light and shade."""
        import cv2

        blurred = np.stack([cv2.GaussianBlur(face, (0, 0), BLUR * face.shape[0]) for face in values])
        return np.round(values + masks * (blurred.astype(np.float32) - values)).astype(np.uint8)

    def feed(self, values: np.ndarray, pose: Pose) -> dict[str, np.ndarray]:
        """The faces, and the matrix of the pose."""
        return {"pixels": values, "pose": pose.matrix()}

    def defaults(self) -> dict[str, np.ndarray]:
        """Without a pose an exported model sees the faces as they are."""
        return {"pose": Pose().matrix()}

    def traced(self, arguments: "dict[str, Tensor]", network: Any) -> "Tensor":
        """Enlarge the faces and hold them in the pose."""
        return warp(enlarge(arguments["pixels"], network.image_size), arguments["pose"])

    def view(self, values: "Tensor", pose: Pose, network: Any) -> "Tensor":
        """Faces [B, S, S] -> float32 [B, size, size] of the same grey levels; the plain pose changes nothing."""
        import torch

        if pose == Pose():
            return values
        pictures = enlarge(values, network.image_size)
        if pose == Pose(mirrored=True):  # exactly, and without interpolation
            return pictures.flip(-1)
        return warp(pictures, torch.from_numpy(pose.matrix()))

    def augment(self, values: "Tensor", draw: Draw, settings: Any, network: Any) -> "Tensor":
        """Mirror, turn, move, zoom, change brightness and contrast, erase: faces [B, S, S] -> float32 [B, size, size].

        The size is the network's `training_size`, or its `image_size` where that is None. The ranges are those of
        `params.yaml`: each face has its own draw from each.
        """
        import torch

        count, device = len(values), values.device

        def uniform(low: float, high: float) -> "Tensor":
            return low + (high - low) * torch.rand(count, device=device)

        shift = settings.translation
        matrices = _matrices(
            uniform(-shift, shift),
            uniform(-shift, shift),
            draw.turn * settings.rotation,
            uniform(1 - settings.scale, 1 + settings.scale),
            draw.mirrored,
        )
        size = network.training_size or network.image_size
        pictures = warp(enlarge(values, size), matrices)
        pictures = pictures + 255 * uniform(-settings.brightness, settings.brightness)[:, None, None]
        pictures = pictures.clamp(0, 255) * uniform(1 - settings.contrast, 1 + settings.contrast)[:, None, None]
        return _erase(pictures.clamp(0, 255), uniform(0, 1) < settings.erasing, uniform)


def enlarge(images: "Tensor", size: int) -> "Tensor":
    """Bring square grey faces to a network's size; those that have it stay as they are.

    Args:
        images: grey levels 0 .. 255 of any dtype, [B, H, H].
        size: side in pixels of the result.

    Returns:
        float32 [B, size, size], 0 .. 255.
    """
    from torch.nn import functional

    pixels = images.float()
    if images.shape[-1] == size:
        return pixels
    return functional.interpolate(pixels.unsqueeze(1), size=(size, size), mode="bilinear", antialias=True).squeeze(1)


def warp(pictures: "Tensor", matrix: "Tensor") -> "Tensor":
    """Hold pictures in a pose, by bilinear interpolation; beyond the edge the edge goes on.

    Args:
        pictures: float [B, S, S].
        matrix: float [2, 3] for all of them or [B, 2, 3], as `Pose.matrix` makes it.
    """
    import torch
    from torch.nn import functional

    count, size = pictures.shape[0], pictures.shape[-1]
    # The centres of the pixels, in units of half a side.
    axis = (torch.arange(size, device=pictures.device) * 2 + 1) / size - 1
    down, right = torch.meshgrid(axis, axis, indexing="ij")
    centres = torch.stack([right, down, torch.ones_like(right)], dim=-1)
    turned = matrix.to(pictures).transpose(-2, -1)
    if matrix.ndim == 3:
        grid = (centres.reshape(1, -1, 3) @ turned).reshape(count, size, size, 2)
    else:
        grid = (centres @ turned).expand(count, size, size, 2)
    warped = functional.grid_sample(pictures.unsqueeze(1), grid, padding_mode="border", align_corners=False)
    return warped.squeeze(1)


def _matrices(right: "Tensor", down: "Tensor", degrees: "Tensor", zoom: "Tensor", mirrored: "Tensor") -> "Tensor":
    """As `Pose.matrix`, for a batch: float [B, 2, 3]."""
    import torch

    radians = torch.deg2rad(degrees)
    cosine, sine = radians.cos() / zoom, radians.sin() / zoom
    back = torch.stack([torch.stack([cosine, sine], -1), torch.stack([-sine, cosine], -1)], -2)
    shift = back @ torch.stack([-2 * right, -2 * down], -1).unsqueeze(-1)
    matrix = torch.cat([back, shift], dim=-1)
    sign = torch.where(mirrored, -1.0, 1.0)
    return torch.stack([matrix[:, 0] * sign[:, None], matrix[:, 1]], dim=1)


def _erase(pictures: "Tensor", chosen: "Tensor", uniform: Any) -> "Tensor":
    """Cover a random rectangle of the chosen pictures, float [B, S, S], with grey."""
    import torch

    size = pictures.shape[-1]
    area = uniform(*ERASED_AREA)
    ratio = torch.exp(uniform(*(float(np.log(value)) for value in ERASED_RATIO)))
    height, width = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    top, left = uniform(0, 1) * (1 - height), uniform(0, 1) * (1 - width)
    axis = (torch.arange(size, device=pictures.device) + 0.5) / size
    rows = (axis >= top[:, None]) & (axis < (top + height)[:, None])
    columns = (axis >= left[:, None]) & (axis < (left + width)[:, None])
    covered = rows[:, :, None] & columns[:, None, :] & chosen[:, None, None]
    return pictures.masked_fill(covered, ERASED_LEVEL)
