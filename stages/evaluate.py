"""Predict val and test with one trained model."""

import click

from fer import check, commands, models


@commands.stage("evaluate")
@click.argument("model", type=click.Choice(list(models.MODELS)))
def main(model: str) -> None:
    """Write the probabilities that MODEL gives to every face of val and test.

    The section `evaluate` of params.yaml chooses the test-time views that are averaged. A face for which an input
    has no content (no landmarks were found, say) is predicted too, and marked.

    \b
    Reads   models/MODEL/, data/splits.csv and the stored inputs of the model
    Writes  data/predictions/MODEL.parquet
    """  # noqa: D301  click needs the backspace itself
    params = check.params()
    from fer.evaluation import predictions
    from fer.evaluation.predict import predict

    answers = predict(model, params)
    predictions.write(model, answers)
    click.echo(f"{model}: {len(answers.table):,} faces of val and test, {answers.metadata['views']} views each")


if __name__ == "__main__":
    main()
