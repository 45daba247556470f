"""Look into the trained models: which places of a face they go by, and how far such maps can be trusted."""

from typing import Any

import click

from fer import artifacts, check, commands, paths, writing

PICTURES, FACES = paths.PLOTS / "explain", paths.PLOTS / "explain_faces"
METRICS, REPORT = paths.METRICS / "explain", paths.REPORTS / "explanations.md"


@commands.stage("explain")
def main() -> None:
    """Explain answers of the models that `explain.models` names, by class activation maps, occlusion and face areas.

    \b
    Reads   of each model models/MODEL/, data/predictions/MODEL.parquet and the stored inputs; data/faces/; the section
            `landmarks` of params.yaml, which says how the areas of a face are found
    Writes  metrics/explain/MODEL.json          areas of the face; deletion, insertion and shuffled weights
            plots/explain/MODEL.png             the mean map of each emotion
            plots/explain_faces/MODEL.png       the most confident hits and misses (faces: DVC's cache)
            reports/explanations.md             what the models go by, as a page
    """  # noqa: D301  click needs the backspace itself
    params = check.params()
    from fer.evaluation import explain, explain_figures, explain_page

    found: dict[str, dict[str, Any]] = {}
    with writing.transaction():
        for name in params.explain.models:
            findings = explain.explain(name, params, params.explain.faces)
            found[name] = artifacts.rounded(findings.metrics)
            artifacts.write_json(METRICS / f"{name}.json", found[name])
            artifacts.write_figure(PICTURES / f"{name}.png", explain_figures.mean_maps(findings), dpi=80)
            artifacts.write_figure(FACES / f"{name}.png", explain_figures.faces(findings))
            click.echo(f"{name}: {findings.metrics['faces']} faces of val explained")
        artifacts.write_text(REPORT, explain_page.page(found, params.data.dataset))
    click.echo(f"See {REPORT}.")


if __name__ == "__main__":
    main()
