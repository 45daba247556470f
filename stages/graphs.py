"""Stage `graphs`: the graph that joins the landmarks."""

import click

from fer import artifacts, check, commands, writing
from fer.data import splits
from fer.landmarks import graphs, plots, topology
from fer.landmarks.extract import FaceLandmarks


@commands.stage("graphs")
def main() -> None:
    """Join the landmarks to the graph that all faces share.

    Reads data/landmarks/, data/splits.csv and the section `graphs` of params.yaml. The mean face, from which the
    gnn takes each face's offset, comes from the faces of the split `train` alone.

    \b
    Writes  data/graphs/edge_index.npy   int64 [2, E], both directions of every edge
            data/graphs/mean_face.npy    float32 [478, 3]
            data/graphs/region.npy       int64 [478]
            metrics/graphs.json          nodes, edges, isolated nodes, components, degrees
            plots/graphs/edges.csv       edges and nodes of each region
            plots/graphs/graph.png       the graph on the mean face
    """  # noqa: D301  click needs the backspace itself
    settings = check.params().graphs
    landmarks = FaceLandmarks.load("data/landmarks")
    graph = graphs.make(landmarks, splits.read("data/splits.csv", len(landmarks)), settings)
    statistics = topology.statistics(graph.edge_index, graph.region)
    picture = plots.graph(graph.mean_face, graph.edge_index, graph.region, settings.edges)
    with writing.transaction():
        graph.save("data/graphs")
        artifacts.write_json("metrics/graphs.json", statistics)
        artifacts.write_table("plots/graphs/edges.csv", graphs.edge_table(statistics))
        artifacts.write_figure("plots/graphs/graph.png", picture)
    click.echo(
        f"{settings.edges}: {statistics['edges']} edges join {statistics['connected_nodes']} of "
        f"{statistics['nodes']} landmarks."
    )


if __name__ == "__main__":
    main()
