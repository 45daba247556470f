"""What every input says about itself."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fer.inputs.poses import Pose

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Draw:
    """What is drawn once for each face of a training batch and holds for all its inputs.

    Attributes:
        mirrored: bool [B], whether left and right change places.
        turn: float [B], -1 .. 1: the turn in the image plane, as a share of each input's largest angle.
    """

    mirrored: "Tensor"
    turn: "Tensor"

    @classmethod
    def of(cls, count: int, flip: float, device: "torch.device") -> "Draw":
        """Draw for some faces.

        Args:
            count: how many faces.
            flip: the chance of a mirrored face.
            device: of the result.
        """
        import torch

        return cls(torch.rand(count, device=device) < flip, 2 * torch.rand(count, device=device) - 1)


class Input(ABC):
    """One kind of input. Methods on tensors import torch when they are called, so that prediction needs none.

    Attributes:
        name: in `FaceModel.inputs`, in the batches and in exported files.
        poses: the test-time views that this input can tell apart.
        section: of `params.yaml`, which decides how the input is made from crops; None without one.
    """

    name: ClassVar[str]
    poses: ClassVar[tuple[Pose, ...]]
    section: ClassVar[str | None] = None

    @abstractmethod
    def load(self, data: Path) -> np.ndarray:
        """Read what the stages have stored, for every face.

        Raises:
            FerError: the stage has not run.
        """

    @abstractmethod
    def from_crops(self, crops: np.ndarray, landmarks: Any) -> np.ndarray:
        """Make the input of square grey crops, uint8 [n, S, S]; `landmarks` finds landmarks."""

    @abstractmethod
    def example(self, size: int) -> np.ndarray:
        """One face without content, [1, ...], for crops of `size` pixels."""

    def known(self, values: Any) -> Any:
        """Whether there is content, bool [n], from an array or a tensor: NaN means that there is none."""
        first = values.reshape(len(values), -1)[:, 0]
        return first == first

    @abstractmethod
    def parts(self, size: int) -> np.ndarray:
        """What occlusion hides of a face in turn, for crops of `size` pixels.

        Returns:
            Masks float32 [P, ...], 1 where a part is: over the places that the input has, [size, size] or [478].
        """

    @abstractmethod
    def hide(self, values: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Faces [n, ...] of which what a mask holds, [n, ...] from 0 to 1, says nothing of the expression any more."""

    @abstractmethod
    def feed(self, values: np.ndarray, pose: Pose) -> dict[str, np.ndarray]:
        """What an exported model takes for faces in a pose."""

    def defaults(self) -> dict[str, np.ndarray]:
        """Inputs of an exported model that may be left out, with their values."""
        return {}

    @abstractmethod
    def traced(self, arguments: "dict[str, Tensor]", network: Any) -> "Tensor":
        """From the inputs of an exported model (as `feed` names them) to the network's own input."""

    @abstractmethod
    def view(self, values: "Tensor", pose: Pose, network: Any) -> "Tensor":
        """A batch of faces in a pose."""

    @abstractmethod
    def augment(self, values: "Tensor", draw: Draw, settings: Any, network: Any) -> "Tensor":
        """A batch of faces, varied for training, in float32.

        Args:
            values: the batch.
            draw: what holds for all inputs of a face.
            settings: this input's section of a model's `augment`.
            network: as `view` takes it.
        """
