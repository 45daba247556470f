"""The transformer's attention: with dropout on its weights, as torch's own layer has it, beside ours."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from benchmarks import made
from benchmarks.measure import Bench, Row, compared
from fer.config import Transformer
from fer.sizes import POINTS


class PlainAttention(nn.Module):
    """Torch's layer, with dropout on the attention weights."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, dropout=dropout, batch_first=True)

    def forward(self, tokens: Tensor, queries: int | None = None) -> Tensor:
        """Tokens [B, T, D] -> [B, queries or T, D]."""
        attended: Tensor = self.attention(tokens[:, :queries], tokens, tokens, need_weights=False)[0]
        return attended


def rows(bench: Bench) -> Iterator[Row]:
    """Training steps of the same network with either attention."""
    settings = bench.params.transformer
    batch = 2 if bench.quick else 8 if bench.device == "cpu" else settings.optim.batch_size
    whole = made.changed(settings, token_dropout=0.0)
    # With no dropout at all, torch would take its fused kernel, and this would not be the baseline.
    dropout = settings.dropout or 0.1
    works = {
        "plain": step(bench, whole, batch, lambda: PlainAttention(settings.width, settings.heads, dropout)),
        "whole": step(bench, whole, batch),
        "ours": step(bench, settings, batch),
    }
    found = bench.in_turns({name: bench.speed(work, batch) for name, work in works.items()})
    plain = f"plain: dropout on the attention weights, {POINTS} tokens, batches of {batch}"
    yield compared(
        "attention.fused", f"transformer, training step, all {POINTS} tokens", "faces/s",
        found["plain"], found["whole"], plain,
    )  # fmt: skip
    left_out = f"transformer, training step, token_dropout {settings.token_dropout:g} as it is set"
    yield compared("attention.set", left_out, "faces/s", found["plain"], found["ours"], plain)


def step(
    bench: Bench, settings: Transformer, batch: int, attention: Callable[[], nn.Module] | None = None
) -> Callable[[], None]:
    """A training step on one ready batch.

    Args:
        bench: says where.
        settings: of the network.
        batch: faces.
        attention: makes what replaces each block's own.
    """
    network = made.network("transformer", settings)
    if attention is not None:
        for block in network.blocks:
            block.attention = attention()
    network.to(bench.device)
    data = made.data(network.inputs, batch).to(torch.device(bench.device))
    optimizer = torch.optim.AdamW(network.parameters())
    return lambda: made.learn(network(**data.inputs), data.labels, optimizer)
