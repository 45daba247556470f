"""What every model tells the rest of the project about itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn


class FaceModel(nn.Module):
    """A network from faces to logits float [B, 7], in the order of `fer.emotions.EMOTIONS`.

    `forward` takes the inputs that the model declares as keyword arguments: `network(**batch)`. Whatever else it needs
    (statistics, a graph, resizing) lies in the network, so that the model's folder alone is enough to predict.

    Attributes:
        inputs: names of the inputs (`fer.inputs`) that `forward` takes.
        phases: of its training, each of which begins with the weights of the one before; the last one's
            result is the model.
        starts_pretrained: whether the first phase begins with the weights that the stage `weights` has fetched.
        backbones: how the names of parameters begin that were learned before: they have a learning rate of their own
            where the settings give one.
        temperature: by which `probabilities` divides the logits (Guo et al. 2017); training fits it on val.
        undecayed: parameters that weight decay leaves alone, beside biases and norms: embeddings.
        image_size: side in pixels to which faces are enlarged; only of networks that see pixels.
        training_size: the side in the current epoch of a training, where it is another one.
    """

    inputs: ClassVar[tuple[str, ...]]
    phases: ClassVar[tuple[str, ...]] = ("full",)
    starts_pretrained: ClassVar[bool] = False
    backbones: ClassVar[tuple[str, ...]] = ()
    undecayed: ClassVar[tuple[str, ...]] = ()
    temperature: float = 1.0
    image_size: int
    training_size: int | None = None

    def probabilities(self, **inputs: Tensor) -> Tensor:
        """Calibrated probabilities float [B, 7] of the inputs that `forward` takes."""
        probabilities: Tensor = (self(**inputs) / self.temperature).softmax(1)
        return probabilities

    @property
    def has_feature_map(self) -> bool:
        """Whether `explained` can be called, in evaluation mode; not by default."""
        return False

    def explained(self, **inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, and what class activation maps (Zhou et al. 2016) are made of.

        A logit depends on the feature map only through the mean of each channel. Where it does so linearly, the mean of
        its map (the sum over the channels of weight x features) is the logit but for a constant. Elsewhere the weights
        are the slopes at this face, which makes the map Grad-CAM's (Selvaraju et al. 2017).

        Returns:
            Logits float [B, 7]; the last feature map, float [B, C, h, w]; and its weights, float [B, 7, C], or
            [1, 7, C] if they are the same for all faces: the derivative of each logit by the mean of each channel.
        """
        raise NotImplementedError

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

    def learn_statistics(self, inputs: Mapping[str, Tensor], data: Path) -> None:
        """Set what is computed from the train split instead of learned by gradients; nothing by default.

        Args:
            inputs: the inputs of the train split.
            data: folder of the pipeline's data.
        """

    @classmethod
    def fetch_pretrained(cls, settings: Any) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Fetch the weights that the first phase begins with, and say where they came from.

        Raises:
            SettingError: they can't be had, or do not suit the network.
        """
        raise NotImplementedError

    def load_pretrained(self, tensors: Mapping[str, Tensor]) -> None:
        """Load the weights that the stage `weights` has fetched.

        Raises:
            FerError: they belong to another network.
        """
        raise NotImplementedError

    def begin(self, phase: str, settings: Any) -> None:
        """Get ready for a phase of the training, say by freezing some blocks; nothing by default.

        Raises:
            SettingError: the settings do not suit the network.
        """

    def begin_epoch(self, epoch: int) -> None:
        """Get ready for an epoch of the phase, counted from 0; nothing by default."""
