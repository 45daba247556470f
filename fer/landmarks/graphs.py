"""The graph that all faces share, and the mean face on which it lies."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fer import artifacts, writing
from fer.config_data import Graphs as Settings
from fer.errors import FerError
from fer.landmarks import topology
from fer.landmarks.extract import FaceLandmarks

if TYPE_CHECKING:
    import pandas as pd

_PARTS = ("edge_index", "region", "mean_face")


@dataclass(frozen=True)
class Graph:
    """Which landmarks are neighbours.

    Attributes:
        edge_index: int64 [2, E], both directions of every edge.
        region: int64 [478], indices into `topology.REGIONS`.
        mean_face: float32 [478, 3], normalised: the mean of the train split.
    """

    edge_index: np.ndarray
    region: np.ndarray
    mean_face: np.ndarray

    def save(self, folder: Path | str) -> None:
        """Write one .npy file for each part."""
        folder = writing.clean_folder(folder)
        for part in _PARTS:
            artifacts.write_array(folder / f"{part}.npy", getattr(self, part))

    @classmethod
    def load(cls, folder: Path | str) -> "Graph":
        """Read what `save` wrote; raises FerError when a file is missing or damaged."""
        return cls(*(artifacts.read_array(Path(folder) / f"{part}.npy") for part in _PARTS))


def make(landmarks: FaceLandmarks, splits: "pd.DataFrame", settings: Settings) -> Graph:
    """Build the graph.

    Args:
        landmarks: of N faces.
        splits: N rows in the same order, with the column `split`.
        settings: the section `graphs` of `params.yaml`.

    Raises:
        FerError: the two do not belong together, or no face of the split `train` was found.
    """
    if len(splits) != len(landmarks):
        raise FerError(
            f"data/splits.csv has {len(splits)} rows for {len(landmarks)} faces with landmarks. Run `dvc repro`."
        )
    train = (splits["split"] == "train").to_numpy()
    mean = mean_face(landmarks.points[train & landmarks.detected])
    return Graph(topology.build(settings.edges, settings.neighbours, mean), topology.regions(), mean)


def mean_face(points: np.ndarray) -> np.ndarray:
    """The mean float32 [478, 3] of normalised faces [N, 478, 3].

    Raises:
        FerError: there is none.
    """
    if not len(points):
        raise FerError(
            "No face of the split `train` has landmarks. Check metrics/landmarks.json and metrics/data.json."
        )
    return points.mean(axis=0, dtype=np.float64).astype(np.float32)


def edge_table(statistics: dict[str, Any]) -> "pd.DataFrame":
    """`topology.statistics` as a table: region, edges, nodes, connected and isolated nodes."""
    import pandas as pd

    rows = [
        {"region": name, **counts, "isolated_nodes": counts["nodes"] - counts["connected_nodes"]}
        for name, counts in statistics["regions"].items()
    ]
    return pd.DataFrame(rows)
