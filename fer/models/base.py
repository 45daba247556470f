"""What every model tells the rest of the project about itself."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

View = Callable[[Tensor], Tensor]
"""A way of looking at a batch of faces: the network's inputs to the network's inputs."""


def plain(faces: Tensor) -> Tensor:
    """The view that changes nothing."""
    return faces


class FaceModel(nn.Module):
    """A network from faces to logits float [B, 7], in the order of `fer.emotions.EMOTIONS`.

    Its inputs are what `fer.models.inputs` makes of a face, and nothing else: whatever more it needs
    (statistics, a graph, resizing) lies in the network, so that the model's folder alone is enough to predict.

    Attributes:
        sees: what of a face goes in: `pixels` or `landmarks`.
        phases: of its training, each of which begins with the weights of the one before; the last one's
            result is the model.
        starts_pretrained: whether the first phase begins with what the stage `weights` brought.
        undecayed: parameters that weight decay leaves alone, beside biases and norms: embeddings.
    """

    sees: ClassVar[str]
    phases: ClassVar[tuple[str, ...]] = ("full",)
    starts_pretrained: ClassVar[bool] = False
    undecayed: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def arguments(cls, settings: Any, data: Path) -> dict[str, Any]:
        """The constructor's arguments, as JSON can hold them.

        Args:
            settings: the model's section of `params.yaml`.
            data: folder of the pipeline's data.

        Raises:
            FerError: an artefact that decides them is missing.
        """
        raise NotImplementedError

    def learn_statistics(self, faces: Tensor, data: Path) -> None:
        """Set what is computed from the train split instead of learned by gradients; nothing by default.

        Args:
            faces: the network's inputs for the train split.
            data: folder of the pipeline's data.
        """

    @classmethod
    def fetch_pretrained(cls, settings: Any) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Bring the weights that the first phase begins with, and say where they came from.

        Raises:
            SettingError: they can't be had, or do not suit the network.
        """
        raise NotImplementedError

    def load_pretrained(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what the stage `weights` brought.

        Raises:
            FerError: it belongs to another network.
        """
        raise NotImplementedError

    def begin(self, phase: str, settings: Any) -> None:
        """Get ready for a phase, say by freezing some blocks; nothing by default.

        Raises:
            SettingError: the settings do not suit the network.
        """

    @classmethod
    def augmentation(cls, settings: Any) -> nn.Module:
        """How training varies the inputs: a module from inputs to inputs, each face by its own draw."""
        raise NotImplementedError

    def views(self, tta: str, count: int) -> list[View]:
        """The ways in which evaluation looks at a face and averages over; the first is the face as it is.

        Args:
            tta: test-time augmentation: none, flip (the face and its mirror image) or full.
            count: how many views `full` has, where the model has so many.
        """
        raise NotImplementedError
