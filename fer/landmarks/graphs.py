"""All faces as one graph: the edges they share, and each face's features on its nodes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fer.config import Graphs as Settings
from fer.errors import FerError
from fer.landmarks import topology
from fer.landmarks.extract import Landmarks
from fer.landmarks.mesh import POINTS
from fer.landmarks.normalize import normalize

if TYPE_CHECKING:
    import pandas as pd

_CHUNK = 4096  # faces whose features are in memory in full precision at a time


@dataclass(frozen=True)
class Graphs:
    """N faces on one graph.

    Attributes:
        edge_index: int64 [2, E], both directions of every edge.
        features: float16 [N, 478, 6]; NaN for faces without landmarks.
        mean_face: float32 [478, 3], normalised.
        region: int64 [478], indices into `topology.REGIONS`.
    """

    edge_index: np.ndarray
    features: np.ndarray
    mean_face: np.ndarray
    region: np.ndarray


def make(landmarks: Landmarks, splits: "pd.DataFrame", settings: Settings) -> Graphs:
    """Build the graph and the node features of all faces.

    Args:
        landmarks: of N faces.
        splits: N rows in the same order, with the column `split`.
        settings: the section `graphs` of `params.yaml`.

    Raises:
        FerError: the two do not belong together, no face of the split `train` was found, or MediaPipe is
            not installed.
    """
    if len(splits) != len(landmarks):
        raise FerError(
            f"data/splits.csv has {len(splits)} rows for {len(landmarks)} faces with landmarks. Run `dvc repro`."
        )
    normalised = normalize(landmarks.xyz, landmarks.detected)
    mean = mean_face(normalised[(splits["split"] == "train").to_numpy()])
    features = np.empty((len(landmarks), POINTS, topology.FEATURES), np.float16)
    for start in range(0, len(landmarks), _CHUNK):
        features[start : start + _CHUNK] = topology.node_features(normalised[start : start + _CHUNK], mean)
    edge_index = topology.build(settings.edges, settings.neighbours, mean)
    return Graphs(edge_index, features, mean, topology.regions())


def mean_face(normalised: np.ndarray) -> np.ndarray:
    """The mean float32 [478, 3] of the faces [N, 478, 3] that are not NaN.

    Raises:
        FerError: there is none.
    """
    known = normalised[~np.isnan(normalised[:, 0, 0])]
    if not len(known):
        raise FerError(
            "No face of the split `train` has landmarks. Check metrics/landmarks.json and metrics/data.json."
        )
    return known.mean(axis=0, dtype=np.float64).astype(np.float32)


def edge_table(statistics: dict[str, Any]) -> "pd.DataFrame":
    """`topology.statistics` as a table: region, edges, nodes, connected and isolated nodes."""
    import pandas as pd

    rows = [
        {"region": name, **counts, "isolated_nodes": counts["nodes"] - counts["connected_nodes"]}
        for name, counts in statistics["regions"].items()
    ]
    return pd.DataFrame(rows)
