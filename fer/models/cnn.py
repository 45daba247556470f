"""A pretrained image network with a small head, on 48 px grey faces enlarged to its input size."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fer.emotions import EMOTIONS
from fer.errors import FerError

# The mean and standard deviation of ImageNet that the pretrained backbones were trained with, averaged over
# the colours, since a grey face has the same value in all three.
IMAGENET_MEAN = 0.449
IMAGENET_STD = 0.226


def prepare(images: Tensor, size: int) -> Tensor:
    """Enlarge grey faces to the network's size: uint8 [B, H, W] -> float [B, 1, size, size] in 0 .. 1."""
    pixels = images.unsqueeze(1).float() / 255
    return functional.interpolate(pixels, size=(size, size), mode="bilinear", antialias=True)


class FaceCNN(nn.Module):
    """Backbone features -> dropout -> linear -> SiLU -> dropout -> 7 logits.

    Args:
        backbone: a torchvision classifier by name, or `timm:<name>`.
        hidden: width of the head's hidden layer.
        dropout: in the head.
        image_size: side in pixels of the input.
    """

    def __init__(self, backbone: str, hidden: int, dropout: float, image_size: int) -> None:
        super().__init__()
        self.image_size = image_size
        self.backbone, features = make_backbone(backbone, image_size)
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(features, hidden),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, len(EMOTIONS)),
        )
        self._frozen: list[nn.Module] = []

    def forward(self, images: Tensor) -> Tensor:
        """Faces as `prepare` makes them, float [B, 1, S, S] in 0 .. 1 -> logits float [B, 7]."""
        pixels = (images - IMAGENET_MEAN) / IMAGENET_STD
        # NHWC in memory is the layout in which convolutions are fastest, on CPUs and on tensor cores.
        pixels = pixels.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        logits: Tensor = self.head(self.backbone(pixels))
        return logits

    def freeze(self, trainable_blocks: int | None) -> None:
        """Let only the backbone's last blocks learn, besides the head: 0 for none, None for all.

        Frozen blocks stay in evaluation mode, so their batch-norm statistics do not move either.

        Raises:
            FerError: the backbone has fewer blocks.
        """
        blocks = backbone_blocks(self.backbone)
        if trainable_blocks is not None and trainable_blocks > len(blocks):
            raise FerError(f"cnn.partial.blocks = {trainable_blocks}: this backbone has {len(blocks)} blocks.")
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


def make_backbone(name: str, image_size: int) -> tuple[nn.Module, int]:
    """Build an untrained backbone without its classifier: the module and the length of its features.

    Raises:
        FerError: neither library knows the name.
    """
    if name.startswith("timm:"):
        import timm

        try:
            backbone = timm.create_model(name.removeprefix("timm:"), pretrained=False, num_classes=0)
        except RuntimeError as error:
            raise FerError(f"cnn.backbone = {name}: timm has no such model. See timm.list_models().") from error
    else:
        from torchvision import models

        if name not in models.list_models(module=models):
            raise FerError(
                f"cnn.backbone = {name}: torchvision has no such classifier. See torchvision.models.list_models(), "
                "or take timm:<name>."
            )
        backbone = models.get_model(name, weights=None)
        for classifier in ("classifier", "fc", "head", "heads"):
            if hasattr(backbone, classifier):
                setattr(backbone, classifier, nn.Identity())
                break
        else:
            raise FerError(f"cnn.backbone = {name} has no classifier that could be replaced.")
    return backbone, _feature_length(backbone, name, image_size)


def _feature_length(backbone: nn.Module, name: str, image_size: int) -> int:
    was_training = backbone.training
    with torch.no_grad():
        try:
            features = backbone.eval()(torch.zeros(1, 3, image_size, image_size))
        except (RuntimeError, AssertionError) as error:
            raise FerError(f"cnn.image_size = {image_size} does not suit {name}: {error}") from error
    backbone.train(was_training)
    if not isinstance(features, Tensor) or features.ndim != 2:
        raise FerError(f"cnn.backbone = {name} does not give one feature vector a picture; take another.")
    return features.shape[1]


def backbone_blocks(backbone: nn.Module) -> list[nn.Module]:
    """The backbone's blocks with parameters, from input to output: what `freeze` counts.

    A container such as `features` or `blocks` that holds nearly everything is opened up.
    """
    blocks: list[nn.Module] = []
    for name, child in backbone.named_children():
        opened = isinstance(child, nn.Sequential | nn.ModuleList) and name in ("features", "blocks", "stages", "layers")
        blocks += list(child.children()) if opened else [child]
    return [block for block in blocks if any(True for _ in block.parameters())]
