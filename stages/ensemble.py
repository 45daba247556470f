"""Average the recorded probabilities of several models."""

import click

from fer import commands


@commands.stage("ensemble")
@click.argument("name")
@click.option("--member", "members", multiple=True, help="A model; given several times. A repeated one counts once.")
def main(name: str, members: tuple[str, ...]) -> None:
    """Write the mean of the members' probabilities as the predictions of NAME.

    \b
    Reads   data/predictions/MEMBER.parquet of each member
    Writes  data/predictions/NAME.parquet
    """  # noqa: D301  click needs the backspace itself
    from fer.errors import FerError
    from fer.evaluation import ensemble, predictions

    if name in members:
        raise FerError(f"The ensemble {name} can't be a member of itself: give it another name.")
    averaged = ensemble.average({member: predictions.read(member) for member in members})
    predictions.write(name, averaged)
    click.echo(f"{name}: the mean of {', '.join(averaged.metadata['members'])}")


if __name__ == "__main__":
    main()
