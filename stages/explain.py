"""Look into one trained model: which places of a face it goes by, and how far such maps can be trusted."""

import click

from fer import artifacts, check, commands, models, paths, writing

FACES, LEAST_FACES = 20, 10  # of each emotion; git holds their mean picture, in which no single face may be seen


@commands.stage("explain")
@click.argument("model", type=click.Choice(list(models.MODELS)))
@click.option("--faces", default=FACES, show_default=True, type=click.IntRange(LEAST_FACES), help="Of each emotion.")
def main(model: str, faces: int) -> None:
    """Explain the answers of MODEL to faces of val by class activation maps, occlusion and areas of the face.

    \b
    Reads   models/MODEL/, data/predictions/MODEL.parquet, data/faces/, the stored inputs of the model, and the section
            `landmarks` of params.yaml, which says how the areas of a face are found
    Writes  metrics/explain/MODEL.json       areas of the face; deletion, insertion and shuffled weights
            plots/explain/MODEL.png          the mean map of each emotion
            plots/explain/MODEL_faces.png    the most confident hits and misses (faces: DVC's cache)
    """  # noqa: D301  click needs the backspace itself
    params = check.params()
    from fer.evaluation import explain, explain_figures

    findings = explain.explain(model, params, faces)
    with writing.transaction():
        artifacts.write_json(paths.METRICS / "explain" / f"{model}.json", findings.metrics)
        artifacts.write_figure(paths.PLOTS / "explain" / f"{model}.png", explain_figures.mean_maps(findings))
        artifacts.write_figure(paths.PLOTS / "explain" / f"{model}_faces.png", explain_figures.faces(findings))
    click.echo(f"{model}: {findings.metrics['faces']} faces of val explained; see plots/explain/{model}.png")


if __name__ == "__main__":
    main()
