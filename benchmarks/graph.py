"""The graph network: one graph object a face, joined into batches, beside one tensor against one matrix."""

import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import made
from benchmarks.measure import Bench, Row, compared
from fer.emotions import EMOTIONS
from fer.models.gnn import EMBEDDING, FEATURES, HEAD
from fer.training.batches import Batches

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", ".*torch.jit.script.*")
    from torch_geometric.data import Data
    from torch_geometric.loader import DataLoader
    from torch_geometric.nn import GCNConv, global_mean_pool


class PlainGraphNetwork(nn.Module):
    """The same convolutions as torch-geometric's examples have them: all graphs of a batch as one large graph."""

    def __init__(self, nodes: int, layers: int, width: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(nodes, EMBEDDING))
        self.enter = nn.Linear(FEATURES + EMBEDDING, width)
        self.convolutions = nn.ModuleList(GCNConv(width, width) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Sequential(nn.Linear(width, HEAD), nn.ReLU(), nn.Linear(HEAD, len(EMOTIONS)))

    def forward(self, batch: Any) -> Tensor:
        """A torch-geometric batch -> logits [B, 7]."""
        hidden = self.enter(torch.cat([batch.x, self.embedding.repeat(batch.num_graphs, 1)], dim=-1))
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            hidden = hidden + self.dropout(convolution(norm(hidden), batch.edge_index).relu())
        return self.head(global_mean_pool(hidden, batch.batch))


def rows(bench: Bench) -> Iterator[Row]:
    """Training steps of both on the same faces."""
    settings = bench.params.gnn
    batch = 4 if bench.quick else settings.optim.batch_size
    count = 2 * batch if bench.device == "cpu" else 16 * batch
    network = made.network("gnn", settings).to(bench.device)
    data = made.data(network.inputs, count).to(torch.device(bench.device))
    batches = Batches(data, data.train, batch, seed=0)
    optimizer = torch.optim.AdamW(network.parameters())

    def ours() -> None:
        for values, labels, _ in batches:
            made.learn(network(**values), labels, optimizer)

    features = network._features(data.inputs["landmarks"]).cpu()
    edges, labels = network.adjacency.nonzero().T.cpu(), data.labels.cpu()
    graphs = [Data(x=own, edge_index=edges, y=label) for own, label in zip(features, labels, strict=True)]
    loader = DataLoader(graphs, batch, shuffle=True)
    plain_network = PlainGraphNetwork(len(network.nodes), settings.layers, settings.width, settings.dropout)
    plain_network.to(bench.device)
    plain_optimizer = torch.optim.AdamW(plain_network.parameters())

    def plain() -> None:
        for faces in loader:
            faces = faces.to(bench.device)
            made.learn(plain_network(faces), faces.y, plain_optimizer)

    found = bench.in_turns({"plain": bench.speed(plain, count), "ours": bench.speed(ours, count)})
    yield compared(
        "graph.step",
        "graph network, training step",
        "faces/s",
        found["plain"],
        found["ours"],
        f"plain: one torch-geometric graph a face, {batch} of them joined for each step",
    )
