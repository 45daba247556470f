"""FT-Transformer (Gorishniy et al., "Revisiting Deep Learning Models for Tabular Data", 2021) on landmarks."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from fer import config
from fer.emotions import EMOTIONS
from fer.models.base import FaceModel
from fer.models.standardize import Standardize
from fer.sizes import POINTS


class Attention(nn.Module):
    """Multi-head self-attention of the first `queries` tokens over all tokens.

    There is no dropout on the attention weights: with it torch leaves its fused kernel, which costs an order
    of magnitude at 478 tokens. The residual branches are dropped out instead.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, tokens: Tensor, queries: int | None = None) -> Tensor:
        """Tokens float [B, T, D] -> float [B, queries or T, D]."""
        query = self._split(self.query(tokens[:, :queries]))
        key, value = (self._split(part) for part in self.key_value(tokens).chunk(2, dim=-1))
        mixed = functional.scaled_dot_product_attention(query, key, value)
        result: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return result

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Block(nn.Module):
    """Pre-norm transformer block with a ReGLU feed-forward part, as in the paper."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        inner = width * 4 // 3
        self.norm_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm_feed = nn.LayerNorm(width)
        self.feed_in = nn.Linear(width, 2 * inner)
        self.feed_out = nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, queries: int | None = None) -> Tensor:
        """Tokens float [B, T, D] -> the first `queries` (or all) of them, float [B, queries or T, D]."""
        attended = self.attention(self.norm_attention(tokens), queries)
        tokens = tokens[:, :queries] + self.dropout(attended)
        value, gate = self.feed_in(self.norm_feed(tokens)).chunk(2, dim=-1)
        result: Tensor = tokens + self.feed_out(self.dropout(value * functional.relu(gate)))
        return result


class LocalCoordinates(nn.Module):
    """What a landmark's token is made of: where it lies, and where it lies among its neighbours, standardised.

    The offsets from the mean of the nearest landmarks are differential coordinates (Sorkine, "Laplacian Mesh
    Processing", Eurographics 2005), at one or more scales. They are linear in the coordinates and tell nothing
    new, but standardised they lie open: an expression moves a landmark little against the whole face and much
    against its neighbours.

    Args:
        neighbours: how many nearest landmarks (the landmark itself among them) each offset is taken from.
        points: landmarks a face.
    """

    nearest: Tensor

    def __init__(self, neighbours: Sequence[int], points: int) -> None:
        super().__init__()
        self.neighbours = tuple(neighbours)
        self.register_buffer("nearest", torch.zeros(points, max(self.neighbours, default=0), dtype=torch.int64))
        self.parts = nn.ModuleList(Standardize((points, 3)) for _ in range(1 + len(self.neighbours)))

    def fit(self, values: Tensor) -> None:
        """Find the neighbours in the mean of float [N, P, 3], and set the statistics; NaN is ignored."""
        coordinates, *offsets = self.parts
        coordinates.fit(values)  # type: ignore[operator]
        mean = coordinates.mean
        # Stable, because mirrored landmarks can tie.
        order = torch.cdist(mean, mean).argsort(dim=1, stable=True)  # type: ignore[arg-type]
        self.nearest.copy_(order[:, : self.nearest.shape[1]])
        for part, count in zip(offsets, self.neighbours, strict=True):
            part.fit(values, partial(self._offset, count))  # type: ignore[operator]

    def forward(self, values: Tensor) -> Tensor:
        """Coordinates float [B, P, 3] -> float32 [B, P, 3 (1 + scales)] without NaN."""
        # An offset is a small difference of nearly equal numbers: in half precision little of it is left.
        with torch.autocast(values.device.type, enabled=False):
            values = values.float()
            scales = [values, *(self._offset(count, values) for count in self.neighbours)]
            return torch.cat([part(scale) for part, scale in zip(self.parts, scales, strict=True)], dim=-1)

    def _offset(self, count: int, values: Tensor) -> Tensor:
        """How far each landmark lies from the mean of its nearest ones, float [B, P, 3]; NaN where it is unknown."""
        # An unknown neighbour counts as lying where it does in the mean face: as NaN it would make every offset NaN,
        # since the product below multiplies it by zero for the landmarks that it is no neighbour of.
        known = torch.where(values.isnan(), self.parts[0].mean, values)  # type: ignore[arg-type]
        # One product with a matrix of weights: gathering the neighbours would copy each face `count` times.
        weights = values.new_zeros(2 * [len(self.nearest)]).scatter_(1, self.nearest[:, :count], 1 / count)
        return values - weights @ known


class FTTransformer(FaceModel):
    """A token for each landmark and a class token, transformer blocks, and a linear head on the class token.

    Args:
        layers: transformer blocks.
        heads: attention heads a block.
        width: of a token; a multiple of `heads`.
        dropout: of the residual branches.
        token_dropout: share of each face's landmarks left out of a training step, drawn anew for each face
            (PatchDropout, Liu et al., WACV 2023): it regularises, and makes a step several times cheaper.
            Evaluation always sees every landmark.
        neighbours: as `LocalCoordinates` takes them.
    """

    inputs: ClassVar[tuple[str, ...]] = ("landmarks",)
    # As in the paper, whose authors decay neither their tokeniser nor biases and norms.
    undecayed: ClassVar[tuple[str, ...]] = ("weight", "bias")

    def __init__(
        self,
        layers: int,
        heads: int,
        width: int,
        dropout: float,
        token_dropout: float,
        neighbours: Sequence[int],
    ) -> None:
        super().__init__()
        self.standardize = LocalCoordinates(neighbours, POINTS)
        self.kept = max(1, round(POINTS * (1 - token_dropout)))
        # The tokeniser of the paper, with several numbers a feature instead of one.
        bound = width**-0.5
        self.weight = nn.Parameter(torch.empty(POINTS, 3 * (1 + len(neighbours)), width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(POINTS, width).uniform_(-bound, bound))
        self.class_token = nn.Parameter(torch.empty(width).uniform_(-bound, bound))
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.ReLU(), nn.Linear(width, len(EMOTIONS)))

    @classmethod
    def arguments(cls, settings: config.Transformer, data: Path) -> dict[str, Any]:
        """The constructor's arguments."""
        names = ("layers", "heads", "width", "dropout", "token_dropout", "neighbours")
        return {name: getattr(settings, name) for name in names}

    def learn_statistics(self, inputs: Mapping[str, Tensor], data: Path) -> None:
        """Find each landmark's neighbours, and set the mean and spread of what a token is made of."""
        self.standardize.fit(inputs["landmarks"])

    def forward(self, landmarks: Tensor) -> Tensor:
        """Normalised landmarks float [B, 478, 3], NaN where unknown -> logits float [B, 7]."""
        tokens = self._tokens(self.standardize(landmarks))
        tokens = torch.cat([self.class_token.expand(tokens.shape[0], 1, -1), tokens], dim=1)
        for block in self.blocks[:-1]:
            tokens = block(tokens)
        # The head reads the class token alone, so the last block computes no other.
        tokens = self.blocks[-1](tokens, queries=1)
        logits: Tensor = self.head(tokens[:, 0])
        return logits

    def _tokens(self, values: Tensor) -> Tensor:
        tokens = torch.einsum("bpc,pcd->bpd", values, self.weight) + self.bias
        if not self.training or self.kept == tokens.shape[1]:
            return tokens
        chosen = torch.rand(tokens.shape[:2], device=tokens.device).topk(self.kept, dim=1).indices
        return tokens.gather(1, chosen.unsqueeze(-1).expand(-1, -1, tokens.shape[-1]))
