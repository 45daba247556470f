"""FT-Transformer (Gorishniy et al., "Revisiting Deep Learning Models for Tabular Data", 2021) on landmarks."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fer.emotions import EMOTIONS
from fer.models.standardize import Standardize


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


class FTTransformer(nn.Module):
    """A token for each landmark and a class token, transformer blocks, and a linear head on the class token.

    Args:
        layers: transformer blocks.
        heads: attention heads a block.
        width: of a token; a multiple of `heads`.
        dropout: of the residual branches.
        token_dropout: share of each face's landmarks left out of a training step, drawn anew for each face
            (PatchDropout, Liu et al., WACV 2023): it regularises, and makes a step several times cheaper.
            Evaluation always sees every landmark.
        points: landmarks a face.
    """

    def __init__(
        self, layers: int, heads: int, width: int, dropout: float, token_dropout: float = 0.0, points: int = 478
    ) -> None:
        super().__init__()
        self.standardize = Standardize((points, 3))
        self.kept = max(1, round(points * (1 - token_dropout)))
        # The tokeniser of the paper, with three numbers a feature instead of one.
        bound = width**-0.5
        self.weight = nn.Parameter(torch.empty(points, 3, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(points, width).uniform_(-bound, bound))
        self.class_token = nn.Parameter(torch.empty(width).uniform_(-bound, bound))
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.ReLU(), nn.Linear(width, len(EMOTIONS)))

    def forward(self, landmarks: Tensor) -> Tensor:
        """Normalised landmarks float [B, 478, 3], NaN where unknown -> logits float [B, 7]."""
        tokens = self._tokens(self.standardize(landmarks))
        tokens = torch.cat([self.class_token.expand(len(tokens), 1, -1), tokens], dim=1)
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
