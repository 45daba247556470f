"""Which landmarks are neighbours: edge sets from MediaPipe's connection lists, and regions.

The lists are those of `mediapipe.tasks.python.vision.FaceLandmarksConnections` (Apache-2.0), written down in
`connections.json`. A test compares the two.
"""

import functools
import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from fer.sizes import POINTS

REGIONS: Final = (
    "lips",
    "left_eye",
    "right_eye",
    "left_eyebrow",
    "right_eyebrow",
    "left_iris",
    "right_iris",
    "nose",
    "oval",
    "other",
)

# MediaPipe draws an iris as a ring; its centre belongs to no connection.
_IRIS_CENTRES: Final = {"right_iris": 468, "left_iris": 473}

Edge = tuple[int, int]


@functools.cache
def connections() -> dict[str, set[Edge]]:
    """MediaPipe's lists as undirected edges (smaller node first): a list for each region, and `tesselation`."""
    lists = json.loads(Path(__file__).with_name("connections.json").read_text())
    return {name: {(one, other) for one, other in edges} for name, edges in lists.items()}


def region_edges() -> dict[str, set[Edge]]:
    """The anatomical edges by region: 157 in all, with no node in two regions."""
    return {region: connections()[region] for region in REGIONS[:-1]}


def regions() -> np.ndarray:
    """The region of each landmark, int64 [478], as an index into `REGIONS`."""
    region = np.full(POINTS, REGIONS.index("other"), np.int64)
    for name, edges in region_edges().items():
        region[sorted({node for edge in edges for node in edge})] = REGIONS.index(name)
    for name, centre in _IRIS_CENTRES.items():
        region[centre] = REGIONS.index(name)
    return region


def build(edges: str, neighbours: int, mean_face: np.ndarray) -> np.ndarray:
    """The graph that all faces share.

    Args:
        edges: `anatomical` (lips, eyes, eyebrows, irises, nose, oval), `tesselation` (the full mesh and the
            irises) or `anatomical_knn` (anatomical, and each node's nearest nodes in the mean face).
        neighbours: how many nearest nodes, for `anatomical_knn` only.
        mean_face: float32 [478, 3], normalised.

    Returns:
        edge_index int64 [2, E]: both directions of every edge, sorted by source, then target; no self loops.

    Raises:
        ValueError: `edges` is unknown.
    """
    if edges == "tesselation":
        chosen = connections()["tesselation"] | connections()["left_iris"] | connections()["right_iris"]
    elif edges in ("anatomical", "anatomical_knn"):
        chosen = set().union(*region_edges().values())
        if edges == "anatomical_knn":
            chosen |= _nearest(mean_face, neighbours)
    else:
        raise ValueError(f"unknown edge set: {edges}")
    directed = sorted(chosen | {(target, source) for source, target in chosen})
    return np.ascontiguousarray(np.array(directed, np.int64).T)


def _nearest(points: np.ndarray, neighbours: int) -> set[Edge]:
    """Each point [n, 3] joined to its nearest others, as undirected edges."""
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :neighbours]
    return {(min(node, int(other)), max(node, int(other))) for node, row in enumerate(nearest) for other in row}


def edge_regions(edge_index: np.ndarray, region: np.ndarray) -> np.ndarray:
    """The region of each directed edge, int64 [E]; `other` where its ends lie in different regions."""
    source, target = region[edge_index]
    return np.where(source == target, source, REGIONS.index("other"))


def statistics(edge_index: np.ndarray, region: np.ndarray, nodes: int = POINTS) -> dict[str, Any]:
    """Count what the graph is made of; all edges are counted once, not per direction.

    Args:
        edge_index: int64 [2, E], both directions.
        region: int64 [nodes], as from `regions`.
        nodes: number of nodes.

    Returns:
        Totals (nodes, edges, connected and isolated nodes, components among the connected ones, the largest
        of them, mean and largest degree, density) and `regions`: edges, nodes and connected nodes of each.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = edge_index.shape[1] // 2
    degree = np.bincount(edge_index[0], minlength=nodes)
    isolated = degree == 0
    matrix = coo_array((np.ones(edge_index.shape[1], np.int8), tuple(edge_index)), shape=(nodes, nodes))
    components, component = connected_components(matrix, directed=False)
    edges_by_region = np.bincount(edge_regions(edge_index, region), minlength=len(REGIONS)) // 2
    return {
        "nodes": nodes,
        "edges": edges,
        "connected_nodes": int(nodes - isolated.sum()),
        "isolated_nodes": int(isolated.sum()),
        "components": int(components - isolated.sum()),
        "largest_component": int(np.bincount(component).max()),
        "mean_degree": 2 * edges / nodes,
        "mean_degree_connected": 2 * edges / max(1, int(nodes - isolated.sum())),
        "largest_degree": int(degree.max()),
        "density": 2 * edges / (nodes * (nodes - 1)),
        "regions": {
            name: {
                "edges": int(edges_by_region[index]),
                "nodes": int((region == index).sum()),
                "connected_nodes": int(((region == index) & ~isolated).sum()),
            }
            for index, name in enumerate(REGIONS)
        },
    }
