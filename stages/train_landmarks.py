"""Train one of the models on landmarks."""

import click

from fer import config


@click.command()
@click.argument("model", type=click.Choice(["classifier", "transformer", "gnn"]))
def main(model: str) -> None:
    """Train MODEL on the landmarks of the train split, keeping the weights with the best val accuracy.

    Settings: the section of params.yaml with the model's name, and `train`. Reads data/splits.csv and
    data/landmarks.npz (gnn: data/graphs/). Writes models/MODEL/ and the curves in plots/training/MODEL/.
    An interrupted training goes on from its last epoch when it is started again.
    """
    params = config.load()
    from fer.training.tasks import train_landmark_model

    summary = train_landmark_model(model, params).summary
    click.echo(f"{model}: best epoch {summary['best_epoch']} of {summary['epochs']}, {summary['seconds']:.0f} s")


if __name__ == "__main__":
    main()
