"""Stage `graphs`: normalised landmarks as one graph with features on its nodes."""

import click

from fer import artifacts, config
from fer.landmarks import figures, graphs, topology
from fer.landmarks.extract import Landmarks


@click.command()
def main() -> None:
    """Turn the landmarks into node features on a graph that all faces share.

    Reads data/landmarks.npz, data/splits.csv and the section `graphs` of params.yaml. The mean face, from
    which each face's offset is taken, comes from the faces of the split `train` alone.

    \b
    Writes  data/graphs/edge_index.npy   int64 [2, E], both directions of every edge
            data/graphs/features.npy     float16 [N, 478, 6], NaN for faces without landmarks
            data/graphs/mean_face.npy    float32 [478, 3]
            data/graphs/region.npy       int64 [478]
            metrics/graphs.json          nodes, edges, isolated nodes, components, degrees
            plots/graphs/edges.csv       edges and nodes of each region
            plots/graphs/graph.png       the graph on the mean face
    """  # noqa: D301  click needs the backspace itself
    settings = config.load().graphs
    landmarks = Landmarks.load("data/landmarks.npz")
    result = graphs.make(landmarks, artifacts.read_table("data/splits.csv"), settings)

    artifacts.write_array("data/graphs/edge_index.npy", result.edge_index)
    artifacts.write_array("data/graphs/features.npy", result.features)
    artifacts.write_array("data/graphs/mean_face.npy", result.mean_face)
    artifacts.write_array("data/graphs/region.npy", result.region)
    statistics = topology.statistics(result.edge_index, result.region)
    artifacts.write_json("metrics/graphs.json", statistics)
    artifacts.write_table("plots/graphs/edges.csv", graphs.edge_table(statistics))
    picture = figures.graph(result.mean_face, result.edge_index, result.region, settings.edges)
    artifacts.write_figure("plots/graphs/graph.png", picture)
    click.echo(
        f"{settings.edges}: {statistics['edges']} edges join {statistics['connected_nodes']} of "
        f"{statistics['nodes']} landmarks."
    )


if __name__ == "__main__":
    main()
