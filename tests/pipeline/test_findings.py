"""Findings by the command that a user types: variants of settings, of the graph, of views and of models."""

import json

import pytest
import yaml

from fer import experiments, findings, seeds

pytestmark = pytest.mark.slow
TABLE = {
    "graph": {
        "question": "Does the graph matter?",
        "claimed": "much",
        "models": ["gnn"],
        "seeds": [1, 2],
        "variants": {
            "anatomical": {"settings": ["graphs.edges=anatomical"]},
            "tesselation": {"settings": ["graphs.edges=tesselation"]},
        },
    },
    "average": {
        "question": "Does averaging help?",
        "claimed": "some",
        "models": ["mlp"],
        "settings": ["mlp.epochs=2"],
        "seeds": [1],
        "variants": {
            "mlp": {},
            "mlp in one view": {"metric": "val_single_view"},
            "mlp and gnn": {"models": ["mlp", "gnn"]},
        },
    },
}


def runs(project, name, label):
    return json.loads((project.folder / f"metrics/findings/{name}/{label}.json").read_text())["runs"]


def test_every_kind_of_variant_is_trained_once_and_stands_on_the_page(project):
    (project.folder / findings.TABLE).write_text(yaml.safe_dump({"findings": TABLE}, sort_keys=False))
    before = sorted((project.folder / "metrics/seeds").iterdir())
    output = project.call(findings.main)
    assert "epoch" in output
    graphs = [project.folder / f".cache/seeds/gnn/{key}/1/data/graphs/edge_index.npy" for key in keys(project, "gnn")]
    assert len({path.read_bytes() for path in graphs}) == 2
    assert set(runs(project, "graph", "tesselation")) == {"1", "2"}
    assert runs(project, "average", "mlp") == runs(project, "average", "mlp in one view")
    page = (project.folder / findings.PAGE).read_text()
    share = 100 * runs(project, "average", "mlp")["1"]["val"]
    assert f"| {share:.1f} (1 seed)" in page
    assert "(2 seeds)" in page
    assert "not been run" not in page
    assert sorted((project.folder / "metrics/seeds").iterdir()) == before  # the series of fer.seeds are its own

    output = project.call(findings.main, "graph", "average")
    assert "epoch" not in output
    assert project.call(findings.main, "views", fails=True)

    # The same training is known to fer.seeds, and a series with other settings is put aside.
    assert "epoch" not in project.call(seeds.main, "mlp", "-S", "mlp.epochs=2", "--seeds", "1")
    project.call(seeds.main, "mlp", "-S", "mlp.epochs=1", "--seeds", "1")
    output = project.call(seeds.main, "mlp", "-S", "mlp.epochs=2", "--seeds", "1")
    assert "seed 1: recorded" in output
    assert "the mlp does not depend on it" in project.call(seeds.main, "mlp", "-S", "graphs.neighbours=3", fails=True)
    project.call(experiments.main)
    page = (project.folder / experiments.PAGE).read_text()
    assert "| -S mlp.epochs=2 " in page
    assert "| -S mlp.epochs=1 " in page


def keys(project, model):
    return [path.name for path in (project.folder / f".cache/seeds/{model}").iterdir()]
