"""Train one phase of the network on pixels."""

import click

from fer import config


@click.command()
@click.option("--phase", type=click.Choice(["head", "partial", "full"]), required=True, help="What learns.")
def main(phase: str) -> None:
    """Train the CNN in three phases, each from the weights of the one before.

    head: the pretrained backbone is frozen. partial: its upper blocks learn too. full: everything learns.
    Settings: `cnn` and `train` in params.yaml. Writes models/cnn_head/, models/cnn_partial/ and models/cnn/,
    and the curves in plots/training/. An interrupted training goes on from its last epoch when it is
    started again.
    """
    params = config.load()
    from fer.training.tasks import train_cnn

    summary = train_cnn(phase, params).summary
    click.echo(f"cnn, phase {phase}: {summary['epochs']} epochs, {summary['seconds']:.0f} s so far")


if __name__ == "__main__":
    main()
