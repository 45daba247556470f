"""A pretrained image network with a small head, on grey faces enlarged to its input size."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fer import config
from fer.emotions import EMOTIONS
from fer.errors import SettingError
from fer.inputs.pixels import enlarge
from fer.models import pretrained
from fer.models.base import FaceModel

# The mean and standard deviation of ImageNet that the pretrained backbones were trained with, averaged over
# the colours, since a grey face has the same value in all three.
IMAGENET_MEAN = 0.449
IMAGENET_STD = 0.226


class FaceCNN(FaceModel):
    """Backbone features -> dropout -> linear -> SiLU -> dropout -> 7 logits.

    Trained in three phases, as in Howard and Ruder 2018 ("gradual unfreezing"): the head alone, then the
    backbone's last blocks too, then everything.

    Args:
        backbone: a torchvision classifier by name, or `timm:<name>`.
        hidden: width of the head's hidden layer.
        dropout: in the head.
        image_size: side in pixels to which a face is enlarged.

    Raises:
        SettingError: the backbone is unknown, or does not suit the image size.
    """

    inputs: ClassVar[tuple[str, ...]] = ("pixels",)
    phases: ClassVar[tuple[str, ...]] = ("head", "partial", "full")
    starts_pretrained: ClassVar[bool] = True

    def __init__(self, backbone: str, hidden: int, dropout: float, image_size: int) -> None:
        super().__init__()
        self.image_size = image_size
        self._small_size, self._small_epochs = image_size, 0
        self.backbone = make_backbone(backbone)
        features = feature_length(self.backbone, backbone, image_size)
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(features, hidden),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, len(EMOTIONS)),
        )
        self._frozen: list[nn.Module] = []

    @classmethod
    def arguments(cls, settings: config.ImageNetwork, data: Path) -> dict[str, Any]:
        """The constructor's arguments."""
        return {name: getattr(settings, name) for name in ("backbone", "hidden", "dropout", "image_size")}

    @classmethod
    def fetch_pretrained(cls, settings: config.ImageNetwork) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The backbone's tensors, none for `weights: none`, and their origin."""
        return pretrained.fetch(make_backbone(settings.backbone), settings.backbone, settings.weights)

    def load_pretrained(self, tensors: Mapping[str, Tensor]) -> None:
        """Put the tensors of the stage `weights` into the backbone; none leave it as it is."""
        if tensors:
            pretrained.fill(self.backbone, tensors, "The stage `weights`")

    def begin(self, phase: str, settings: config.Cnn) -> None:
        """Freeze what does not learn in this phase, and note how many of its epochs are at `small_size`."""
        self._begin_small(settings.small_size, getattr(settings, phase).small_epochs)
        self.freeze({"head": 0, "partial": settings.partial.blocks, "full": None}[phase])

    def _begin_small(self, size: int, epochs: int) -> None:
        self._small_size, self._small_epochs = min(size, self.image_size), epochs

    def begin_epoch(self, epoch: int) -> None:
        """Train the first epochs on smaller pictures (Tan and Le, "EfficientNetV2", 2021), which is faster."""
        self.training_size = self._small_size if epoch < self._small_epochs else None

    def forward(self, pixels: Tensor) -> Tensor:
        """Grey faces [B, H, H], levels 0 .. 255 of any dtype -> logits float [B, 7]."""
        logits: Tensor = self.head(self.backbone(self._images(pixels)))
        return logits

    def _images(self, pixels: Tensor) -> Tensor:
        """Grey faces [B, H, H] -> what the backbone sees, float [B, 3, size, size]."""
        size = (self.training and self.training_size) or self.image_size
        images = (enlarge(pixels, size) / 255 - IMAGENET_MEAN) / IMAGENET_STD
        # NHWC in memory is the layout in which convolutions are fastest, on CPUs and on tensor cores.
        return images.unsqueeze(1).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)

    @property
    def has_feature_map(self) -> bool:
        """Whether the backbone ends by averaging a feature map of more than one place."""
        side = self.image_size
        picture = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
        picture = picture.to(next(self.parameters()).device)
        with torch.no_grad():
            return pooled_map(self.backbone, picture)[1] is not None

    def explained(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]
        """Logits, the backbone's last feature map and its weights, as `FaceModel.explained` says."""
        pooled, features = pooled_map(self.backbone, self._images(pixels))
        if features is None:
            raise ValueError("this backbone averages no feature map")
        first, last = self.head[1], self.head[-1]
        assert isinstance(first, nn.Linear)
        assert isinstance(last, nn.Linear)
        hidden = first(pooled)
        gate = hidden.sigmoid()
        slope = gate * (1 + hidden * (1 - gate))  # of SiLU
        weights = (last.weight * slope.unsqueeze(1)) @ first.weight
        return self.head(pooled), features, weights

    def freeze(self, trainable_blocks: int | None) -> None:
        """Let only the backbone's last blocks learn, besides the head: 0 for none, None for all.

        Frozen blocks stay in evaluation mode, so their batch-norm statistics do not move either.

        Raises:
            SettingError: the backbone has fewer blocks.
        """
        blocks = backbone_blocks(self.backbone)
        if trainable_blocks is not None and trainable_blocks > len(blocks):
            raise SettingError("partial.blocks", trainable_blocks, f"this backbone has {len(blocks)} blocks.")
        cut = 0 if trainable_blocks is None else len(blocks) - trainable_blocks
        self._frozen = blocks[:cut]
        self.requires_grad_(True)
        for block in self._frozen:
            block.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> "FaceCNN":
        """Switch to training mode, but for the frozen blocks."""
        super().train(mode)
        for block in self._frozen:
            block.eval()
        return self


class FineTunedCNN(FaceCNN):
    """The same network, trained in one phase instead of three.

    No block is frozen. What keeps the pretrained features from being washed away while the head is still random is the
    warm-up, and a lower learning rate of the backbone where the settings give one.
    """

    phases: ClassVar[tuple[str, ...]] = ("full",)
    backbones: ClassVar[tuple[str, ...]] = ("backbone.",)

    def begin(self, phase: str, settings: config.FineTuned) -> None:  # type: ignore[override]
        """Note how many epochs are at `small_size`."""
        self._begin_small(settings.small_size, settings.small_epochs)


def make_backbone(name: str) -> nn.Module:
    """Build an untrained backbone without its classifier.

    Args:
        name: a torchvision classifier, or `timm:<name>`.

    Raises:
        SettingError: neither library has such a model.
    """
    if name.startswith("timm:"):
        import timm

        try:
            return timm.create_model(name.removeprefix("timm:"), pretrained=False, num_classes=0)
        except Exception as error:  # of many kinds: names can point to a folder or to a model hub, too
            reason = " ".join(str(error).split())[:150] or type(error).__name__
            raise SettingError(
                "backbone", name, f"timm has no such model ({reason}). See timm.list_models()."
            ) from error
    from torchvision import models

    if name not in models.list_models(module=models):
        advice = "See torchvision.models.list_models(), or take timm:<name>."
        raise SettingError("backbone", name, f"torchvision has no such classifier. {advice}")
    backbone = models.get_model(name, weights=None)
    for classifier in ("classifier", "fc", "head", "heads"):
        if hasattr(backbone, classifier):
            setattr(backbone, classifier, nn.Identity())
            return backbone
    raise SettingError("backbone", name, "it has no classifier that could be replaced.")


def feature_length(backbone: nn.Module, name: str, image_size: int) -> int:
    """How many numbers the backbone makes of a picture.

    Raises:
        SettingError: it does not take pictures of that size, or makes more than one vector of each.
    """
    was_training = backbone.training
    with torch.no_grad():
        try:
            features = backbone.eval()(torch.zeros(1, 3, image_size, image_size))
        except (RuntimeError, AssertionError) as error:
            reason = " ".join(str(error).split())[:200]
            raise SettingError("image_size", image_size, f"it does not suit {name} ({reason}).") from error
    backbone.train(was_training)
    if not isinstance(features, Tensor) or features.ndim != 2:
        raise SettingError("backbone", name, "it does not give one feature vector a picture; take another.")
    return features.shape[1]


def pooled_map(backbone: nn.Module, images: Tensor) -> tuple[Tensor, Tensor | None]:
    """What the backbone makes of pictures, and the feature map of which that is the mean over all places.

    Args:
        backbone: in evaluation mode.
        images: float [B, 3, H, H].

    Returns:
        Features float [B, C]; and the map float [B, C, h, w], or None where the backbone ends otherwise.
    """
    seen: list[Tensor] = []

    def keep(_: nn.Module, __: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] * output.shape[3] > 1:
            seen[:] = [*[earlier for earlier in seen if earlier.shape == output.shape], output]

    hooks = [module.register_forward_hook(keep) for module in backbone.modules()]
    try:
        pooled = backbone(images)
    finally:
        for hook in hooks:
            hook.remove()
    means = ((output, output.mean((2, 3))) for output in reversed(seen))
    found = (output for output, mean in means if mean.shape == pooled.shape and mean.allclose(pooled, 1e-3, 1e-4))
    return pooled, next(found, None)


def backbone_blocks(backbone: nn.Module) -> list[nn.Module]:
    """The backbone's blocks with parameters, from input to output: what `freeze` counts.

    A container such as `features` or `blocks` that holds nearly everything is opened up.
    """
    blocks: list[nn.Module] = []
    for name, child in backbone.named_children():
        opened = isinstance(child, nn.Sequential | nn.ModuleList) and name in ("features", "blocks", "stages", "layers")
        blocks += list(child.children()) if opened else [child]
    return [block for block in blocks if any(True for _ in block.parameters())]
