"""Measure one trained model on val and test."""

import click

from fer import artifacts, check, commands, models, writing


@commands.stage("evaluate")
@click.argument("model", type=click.Choice(list(models.MODELS)))
def main(model: str) -> None:
    """Predict every face of val and test with MODEL, once, and measure it.

    The section `evaluate` of params.yaml chooses the views that test-time augmentation averages. Every face
    is scored: a landmark model also predicts faces in which no landmarks were found.

    \b
    Reads   models/MODEL/, data/splits.csv and what the model sees of a face
    Writes  metrics/MODEL.json               the few numbers that DVC's tables show
            metrics/detail/MODEL.json        accuracy with its interval, recall per emotion and so on
            data/predictions/MODEL.parquet   the probabilities of every face
            plots/confusion/MODEL.csv        the answer to every test face
            plots/reliability/MODEL.csv      how often it is right at each level of confidence
    """  # noqa: D301  click needs the backspace itself
    params = check.params()
    from fer.evaluation import plot_tables
    from fer.evaluation.score import headline, score

    predictions, measured, test = score(model, params)
    with writing.transaction():
        plot_tables.write_model(model, predictions[test])
        artifacts.write_table(f"data/predictions/{model}.parquet", predictions)
        artifacts.write_json(f"metrics/detail/{model}.json", measured)
        artifacts.write_json(f"metrics/{model}.json", headline(measured))
    click.echo(f"{model}: val {measured['val']['accuracy']:.4f}, test {measured['test']['accuracy']:.4f}")


if __name__ == "__main__":
    main()
