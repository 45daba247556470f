"""Measure one trained model on val and test."""

import click

from fer import artifacts, config
from fer.emotions import MODELS


@click.command()
@click.argument("model", type=click.Choice(MODELS))
def main(model: str) -> None:
    """Predict every face of val and test with MODEL, once, and measure it.

    The section `evaluate` of params.yaml chooses the views that test-time augmentation averages. Every face
    is scored: a landmark model also predicts faces in which no landmarks were found.

    \b
    Reads   models/MODEL/, data/splits.csv and the model's inputs
    Writes  metrics/MODEL.json                accuracy with its interval, recall per emotion and so on
            data/predictions/MODEL.parquet    the probabilities of every face
            plots/evaluation/MODEL/           confusion, recall and reliability as tables
    """  # noqa: D301  click needs the backspace itself
    params = config.load()
    from fer.evaluation import figures
    from fer.evaluation.score import score

    predictions, measured, test = score(model, params)
    figures.write_model_plots(f"plots/evaluation/{model}", model, predictions[test])
    artifacts.write_table(f"data/predictions/{model}.parquet", predictions)
    artifacts.write_json(f"metrics/{model}.json", measured)
    click.echo(f"{model}: val {measured['val']['accuracy']:.4f}, test {measured['test']['accuracy']:.4f}")


if __name__ == "__main__":
    main()
