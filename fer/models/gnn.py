"""Graph-convolutional network (Kipf and Welling 2017) on the landmark graph."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fer import config
from fer.emotions import EMOTIONS
from fer.landmarks.graphs import Graph
from fer.models.base import FaceModel
from fer.models.standardize import Standardize

FEATURES = 6
EMBEDDING = 32
# Most of the weights lie here, where the regions meet: per node they would cost 160 times as much to apply.
HEAD = 352


class LandmarkGNN(FaceModel):
    """Residual graph convolutions, pooled by facial region.

    All faces share one graph, so a batch is one dense tensor [B, nodes, features] against one adjacency matrix. With so
    few nodes its product with them is faster than gathering and scattering along the edges.
    Nodes without an edge hear nothing from a graph convolution and are left out. A node's features are its
    coordinates, which say where it is on the face, and their offset from the mean face, which says what is
    special about this face: a convolution shares its weights among all nodes, so it can't subtract the one
    from the other itself. Every node also has a learned embedding, and pooling keeps the regions apart:
    otherwise the sum over the nodes would not know a brow from a lip.

    The graph itself is data, so it lies in buffers that `learn_statistics` fills and the weights carry.

    Args:
        nodes: connected landmarks.
        regions: facial regions that have a connected landmark.
        layers: graph convolutions.
        width: of a node's hidden state.
        dropout: after each convolution and before the head.
    """

    inputs: ClassVar[tuple[str, ...]] = ("landmarks",)
    undecayed: ClassVar[tuple[str, ...]] = ("embedding",)

    nodes: Tensor
    adjacency: Tensor
    pool: Tensor
    mean_face: Tensor

    def __init__(self, nodes: int, regions: int, layers: int, width: int, dropout: float) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*torch.jit.script.*")  # torch-geometric's, not the user's, affair
            from torch_geometric.nn import DenseGCNConv

        super().__init__()
        self.register_buffer("nodes", torch.zeros(nodes, dtype=torch.int64))
        self.register_buffer("adjacency", torch.eye(nodes))
        self.register_buffer("pool", torch.zeros(regions, nodes))
        self.register_buffer("mean_face", torch.zeros(nodes, 3))
        self.standardize = Standardize((1, FEATURES))
        self.embedding = nn.Parameter(torch.randn(nodes, EMBEDDING) * 0.1)
        self.enter = nn.Linear(FEATURES + EMBEDDING, width)
        self.convolutions = nn.ModuleList(DenseGCNConv(width, width) for _ in range(layers))
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

    @classmethod
    def arguments(cls, settings: config.Gnn, data: Path) -> dict[str, Any]:
        """The constructor's arguments, by the graph of the stage `graphs`."""
        graph = Graph.load(data / "graphs")
        return cls.sizes(graph) | {name: getattr(settings, name) for name in ("layers", "width", "dropout")}

    @staticmethod
    def sizes(graph: Graph) -> dict[str, int]:
        """The constructor's `nodes` and `regions` for a graph."""
        connected = torch.from_numpy(graph.edge_index).unique()
        return {"nodes": len(connected), "regions": len(torch.from_numpy(graph.region)[connected].unique())}

    def learn_statistics(self, inputs: Mapping[str, Tensor], data: Path) -> None:
        """Load the graph and the mean face of the stage `graphs`; set the features' mean and spread."""
        self.set_graph(Graph.load(data / "graphs"))
        self.standardize.fit(inputs["landmarks"], self._features)

    def set_graph(self, graph: Graph) -> None:
        """Fill the buffers that hold the graph."""
        region = torch.from_numpy(graph.region)
        nodes, renumbered = torch.from_numpy(graph.edge_index).unique(return_inverse=True)
        self.nodes.copy_(nodes)
        self.adjacency.copy_(torch.eye(len(nodes)))  # a node also hears itself
        self.adjacency[renumbered[0], renumbered[1]] = 1
        self.mean_face.copy_(torch.from_numpy(graph.mean_face)[nodes])
        member = (region[nodes].unique().unsqueeze(1) == region[nodes]).float()
        self.pool.copy_(member / member.sum(1, keepdim=True))

    def forward(self, landmarks: Tensor) -> Tensor:
        """Normalised landmarks float [B, 478, 3], NaN where unknown -> logits float [B, 7]."""
        values = self.standardize(self._features(landmarks))
        hidden = self.enter(torch.cat([values, self.embedding.expand(values.shape[0], -1, -1)], dim=-1))
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            hidden = hidden + self.dropout(convolution(norm(hidden), self.adjacency, add_loop=False).relu())
        logits: Tensor = self.head(self.pool @ hidden)
        return logits

    def _features(self, landmarks: Tensor) -> Tensor:
        """Landmarks float [B, 478, 3] -> features of the connected ones, float32 [B, nodes, 6]."""
        points = landmarks[:, self.nodes].float()
        return torch.cat([points, points - self.mean_face], dim=-1)
