"""A small network on pixels for phones and browsers, which learns from labels and from a larger teacher's answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fer import config
from fer.emotions import EMOTIONS
from fer.inputs.pixels import enlarge
from fer.models.base import FaceModel


class TinyCNN(FaceModel):
    """Depthwise-separable convolutions (Howard et al., "MobileNets", 2017) with shortcuts (He et al. 2016).

    Convolution -> blocks -> mean over all places -> dropout -> 7 logits. Each stage of blocks begins by halving the
    picture's side.

    Args:
        widths: channels of the first convolution, and of each stage.
        blocks: how many a stage has.
        dropout: before the last layer.
        image_size: side in pixels to which a face is enlarged or reduced.
    """

    inputs: ClassVar[tuple[str, ...]] = ("pixels",)

    def __init__(self, widths: Sequence[int], blocks: int, dropout: float, image_size: int) -> None:
        super().__init__()
        self.image_size = image_size
        first, *stages = widths
        self._halvings = len(stages)
        self.enter = nn.Sequential(nn.Conv2d(1, first, 3, padding=1, bias=False), nn.BatchNorm2d(first), nn.ReLU())
        layers: list[nn.Module] = []
        width = first
        for stage in stages:
            layers += [Block(width, stage, 2), *(Block(stage, stage, 1) for _ in range(blocks - 1))]
            width = stage
        self.blocks = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, len(EMOTIONS)))

    @classmethod
    def arguments(cls, settings: config.Tiny, data: Path) -> dict[str, Any]:
        """The constructor's arguments."""
        return {name: getattr(settings, name) for name in ("widths", "blocks", "dropout", "image_size")}

    def forward(self, pixels: Tensor) -> Tensor:
        """Grey faces [B, H, H], levels 0 .. 255 of any dtype -> logits float [B, 7]."""
        logits: Tensor = self.head(self._features(pixels).mean((2, 3)))
        return logits

    def _features(self, pixels: Tensor) -> Tensor:
        """Grey faces [B, H, H] -> the last feature map, float [B, C, h, w]."""
        pictures = enlarge(pixels, self.image_size).unsqueeze(1) / 127.5 - 1
        # NHWC in memory, as in the cnn: a step is a quarter faster on a CPU.
        features: Tensor = self.blocks(self.enter(pictures).contiguous(memory_format=torch.channels_last))
        return features

    @property
    def has_feature_map(self) -> bool:
        """Whether the last feature map has more than one place."""
        return self.image_size > 2**self._halvings

    def explained(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]
        """Logits, the last feature map and its weights, which are the same for all faces."""
        features = self._features(pixels)
        last = self.head[-1]
        assert isinstance(last, nn.Linear)
        return self.head(features.mean((2, 3))), features, last.weight.unsqueeze(0)


class Block(nn.Module):
    """A 3 x 3 convolution of each channel by itself, one of 1 x 1 across them, and a shortcut where sizes allow.

    Args:
        before: channels of the input.
        after: channels of the output.
        stride: 2 halves the sides.
    """

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.shortcut = before == after and stride == 1
        self.layers = nn.Sequential(
            nn.Conv2d(before, before, 3, stride, padding=1, groups=before, bias=False),
            nn.BatchNorm2d(before),
            nn.ReLU(),
            nn.Conv2d(before, after, 1, bias=False),
            nn.BatchNorm2d(after),
        )

    def forward(self, values: Tensor) -> Tensor:
        """Float [B, before, h, w] -> [B, after, h / stride, w / stride]."""
        made = self.layers(values)
        return nn.functional.relu(made + values if self.shortcut else made)
