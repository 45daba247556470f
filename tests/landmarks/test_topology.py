import numpy as np
import pytest

from fer.config import Graphs as Settings
from fer.errors import FerError
from fer.landmarks import graphs, topology

MEDIAPIPE = {"oval": "FACE_OVAL"}


@pytest.fixture(scope="module")
def mean(landmarks):
    return graphs.mean_face(landmarks.points[landmarks.detected])


@pytest.mark.parametrize(
    ("name", "edges", "connected", "components"), [("anatomical", 157, 160, 12), ("tesselation", 1330, 476, 3)]
)
def test_sizes_of_mediapipes_lists(mean, name, edges, connected, components):
    statistics = topology.statistics(topology.build(name, 6, mean), topology.regions())
    assert statistics["edges"] == edges
    assert statistics["connected_nodes"] == connected
    assert statistics["isolated_nodes"] == 478 - connected
    assert statistics["components"] == components
    assert sum(region["edges"] for region in statistics["regions"].values()) == edges
    assert sum(region["nodes"] for region in statistics["regions"].values()) == 478


@pytest.mark.parametrize("name", ["anatomical", "tesselation", "anatomical_knn"])
def test_edges_are_sorted_and_go_both_ways_without_loops(mean, name):
    edge_index = topology.build(name, 4, mean)
    assert edge_index.dtype == np.int64
    edges = list(map(tuple, edge_index.T.tolist()))
    assert edges == sorted(set(edges))
    assert set(edges) == {(target, source) for source, target in edges}
    assert all(source != target for source, target in edges)


def test_nearest_neighbours_join_every_node(mean):
    anatomical = set(map(tuple, topology.build("anatomical", 4, mean).T.tolist()))
    joined = topology.build("anatomical_knn", 4, mean)
    assert anatomical < set(map(tuple, joined.T.tolist()))
    assert np.bincount(joined[0], minlength=478).min() >= 4


def test_the_lists_are_mediapipes():
    vision = pytest.importorskip("mediapipe.tasks.python.vision")
    for name, edges in topology.connections().items():
        theirs = getattr(vision.FaceLandmarksConnections, f"FACE_LANDMARKS_{MEDIAPIPE.get(name, name.upper())}")
        assert edges == {(min(edge.start, edge.end), max(edge.start, edge.end)) for edge in theirs}, name


def test_regions():
    region = topology.regions()
    sizes = {name: int((region == index).sum()) for index, name in enumerate(topology.REGIONS)}
    assert sizes["lips"] == 40
    assert sizes["left_eye"] == sizes["right_eye"] == 16
    assert sizes["left_iris"] == sizes["right_iris"] == 5
    assert sizes["other"] == 478 - 162


def test_the_mean_face_comes_from_train_alone(landmarks, faces, tmp_path):
    splits = faces.table.assign(split=["train" if row < 40 else "test" for row in range(70)])
    graph = graphs.make(landmarks, splits, Settings(edges="anatomical", neighbours=6))
    np.testing.assert_allclose(graph.mean_face, np.nanmean(landmarks.points[:40], axis=0), atol=1e-5)
    graph.save(tmp_path / "graph")
    loaded = graphs.Graph.load(tmp_path / "graph")
    for part in ("edge_index", "region", "mean_face"):
        assert np.array_equal(getattr(loaded, part), getattr(graph, part))
    with pytest.raises(FerError, match="rows for 70 faces"):
        graphs.make(landmarks, splits[:5], Settings(edges="anatomical", neighbours=6))
    with pytest.raises(FerError, match="No face of the split"):
        graphs.make(landmarks, splits.assign(split="test"), Settings(edges="anatomical", neighbours=6))
