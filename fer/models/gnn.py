"""Graph-convolutional network (Kipf and Welling 2017) on the landmark graph."""

import warnings

import torch
from torch import Tensor, nn

from fer.emotions import EMOTIONS
from fer.models.standardize import Standardize

EMBEDDING = 32
# Most of the weights lie here, where the regions meet: per node they would cost 160 times as much to apply.
HEAD = 352


class LandmarkGNN(nn.Module):
    """Residual graph convolutions, pooled by facial region.

    All faces share one graph, so a batch is one dense tensor [B, nodes, features] against one `edge_index`.
    Nodes without an edge hear nothing from a graph convolution and are left out. Every node has a learned
    embedding beside its features, and pooling keeps the regions apart: otherwise the sum over the nodes would
    not know a brow from a lip.

    The graph itself is data, so it lies in buffers that `set_graph` fills and the checkpoint carries.

    Args:
        nodes: connected landmarks.
        edges: columns of the edge index.
        regions: facial regions that have a connected landmark.
        features: numbers a node.
        layers: graph convolutions.
        width: of a node's hidden state.
        dropout: after each convolution and before the head.
    """

    nodes: Tensor
    edge_index: Tensor
    pool: Tensor

    def __init__(
        self, nodes: int, edges: int, regions: int, features: int, layers: int, width: int, dropout: float
    ) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*torch.jit.script.*")  # torch-geometric's, not the user's, affair
            from torch_geometric.nn import GCNConv

        super().__init__()
        self.register_buffer("nodes", torch.zeros(nodes, dtype=torch.int64))
        self.register_buffer("edge_index", torch.zeros(2, edges, dtype=torch.int64))
        self.register_buffer("pool", torch.zeros(regions, nodes))
        self.standardize = Standardize((1, features))
        self.embedding = nn.Parameter(torch.randn(nodes, EMBEDDING) * 0.1)
        self.enter = nn.Linear(features + EMBEDDING, width)
        # cached: the normalised adjacency is the same for every batch.
        self.convolutions = nn.ModuleList(GCNConv(width, width, cached=True) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Sequential(
            nn.LayerNorm(width),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(regions * width, HEAD),
            nn.ReLU(),
            nn.Linear(HEAD, len(EMOTIONS)),
        )

    @staticmethod
    def graph_sizes(edge_index: Tensor, region: Tensor) -> dict[str, int]:
        """The constructor's `nodes`, `edges` and `regions` for a graph as `set_graph` takes it."""
        connected = edge_index.unique()
        return {
            "nodes": len(connected),
            "edges": edge_index.shape[1],
            "regions": len(region[connected].unique()),
        }

    def set_graph(self, edge_index: Tensor, region: Tensor) -> None:
        """Fill in the graph: int64 [2, E] over all landmarks, both directions, and int64 [478] regions."""
        nodes, renumbered = edge_index.unique(return_inverse=True)
        self.nodes.copy_(nodes)
        self.edge_index.copy_(renumbered)
        member = (region[nodes].unique().unsqueeze(1) == region[nodes]).float()
        self.pool.copy_(member / member.sum(1, keepdim=True))

    def forward(self, features: Tensor) -> Tensor:
        """Node features float [B, 478, F], NaN where unknown -> logits float [B, 7]."""
        values = self.standardize(features[:, self.nodes])
        hidden = self.enter(torch.cat([values, self.embedding.expand(len(values), -1, -1)], dim=-1))
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            hidden = hidden + self.dropout(convolution(norm(hidden), self.edge_index).relu())
        logits: Tensor = self.head(self.pool @ hidden)
        return logits
