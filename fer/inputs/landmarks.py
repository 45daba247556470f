"""The input `landmarks`: 478 points without pose, float32 [n, 478, 3], NaN where none were found."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fer.inputs.base import Draw, Input
from fer.inputs.poses import POSES, Pose
from fer.landmarks import areas
from fer.landmarks.symmetry import FLIP
from fer.sizes import POINTS

if TYPE_CHECKING:
    from torch import Tensor

_MIRROR = np.array([-1, 1, 1], np.float32)


class LandmarkInput(Input):
    """Landmarks in distances between the eyes, averaged over the views of `landmarks.views`."""

    name: ClassVar[str] = "landmarks"
    section: ClassVar[str | None] = "landmarks"
    # Normalisation has removed shift, turn and size, so there are no more views than the face and its mirror image.
    poses: ClassVar[tuple[Pose, ...]] = POSES[:2]

    def load(self, data: Path) -> np.ndarray:
        """Read the output of the stage `landmarks`."""
        from fer.landmarks.extract import FaceLandmarks

        return np.array(FaceLandmarks.load(data / "landmarks").points)

    def from_crops(self, crops: np.ndarray, landmarks: Any) -> np.ndarray:
        """Find the landmarks of each crop, float32 [n, 478, 3]."""
        points: np.ndarray = landmarks.average(crops)[0]
        return points

    def example(self, size: int) -> np.ndarray:
        """A face whose points all lie at the origin."""
        return np.zeros((1, POINTS, 3), np.float32)

    def parts(self, size: int) -> np.ndarray:
        """The areas of the face."""
        return areas.masks().astype(np.float32)

    def hide(self, values: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """NaN where a mask is: a model takes it for the mean of what it has seen in training."""
        return np.where(masks[..., None] > 0.5, np.float32(np.nan), values)

    def feed(self, values: np.ndarray, pose: Pose) -> dict[str, np.ndarray]:
        """The landmarks; mirrored, if the pose is."""
        return {"landmarks": values[:, FLIP] * _MIRROR if pose.mirrored else values}

    def traced(self, arguments: "dict[str, Tensor]", network: Any) -> "Tensor":
        """The landmarks as they are."""
        return arguments["landmarks"]

    def view(self, values: "Tensor", pose: Pose, network: Any) -> "Tensor":
        """The landmarks; mirrored, if the pose is."""
        return mirror(values) if pose.mirrored else values

    def augment(self, values: "Tensor", draw: Draw, settings: Any, network: Any) -> "Tensor":
        """Mirror, turn by up to `rotation` degrees, and add noise of deviation `jitter`; NaN stays NaN."""
        import torch

        points = torch.where(draw.mirrored[:, None, None], mirror(values), values)
        points = turn(points, draw.turn * settings.rotation)
        return points + torch.randn_like(points) * settings.jitter


def mirror(points: "Tensor") -> "Tensor":
    """Mirror normalised landmarks [B, 478, 3]: x changes its sign, left and right points change places."""
    import torch

    exchange = torch.as_tensor(FLIP, device=points.device)
    return points[:, exchange] * points.new_tensor([-1.0, 1.0, 1.0])


def turn(points: "Tensor", degrees: "Tensor") -> "Tensor":
    """Turn landmarks [B, P, 3] about the origin in the image plane, clockwise as the image is seen.

    Args:
        points: the landmarks.
        degrees: float [B], the turn of each face.
    """
    import torch

    radians = torch.deg2rad(degrees).reshape(-1, 1)
    x, y = points[..., 0], points[..., 1]
    cosine, sine = radians.cos(), radians.sin()
    return torch.stack([x * cosine - y * sine, x * sine + y * cosine, points[..., 2]], dim=-1)
