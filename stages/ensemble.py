"""Average the recorded probabilities of several models."""

import click

from fer import artifacts, commands, config, paths, writing


@commands.stage("ensemble")
@click.argument("name", type=click.Choice(config.ensembles()))
def main(name: str) -> None:
    """Write the mean of the members' probabilities as the predictions of NAME.

    The section NAME of params.yaml says which models are its members, and whether they have equal weights or those
    with the smallest log loss on val.

    \b
    Reads   data/predictions/MEMBER.parquet of each member
    Writes  data/predictions/NAME.parquet
            models/onnx/NAME.json          the weights, with which `fer predict` averages the exported members
    """  # noqa: D301  click needs the backspace itself
    settings: config.Ensemble = config.load().model(name)
    from fer.evaluation import ensemble, predictions

    members = {member: predictions.read(member) for member in settings.members}
    averaged = ensemble.make(members, settings.weights)
    weights = averaged.metadata["members"]
    with writing.transaction():
        predictions.write(name, averaged)
        # What has no weight need not be there to predict.
        counted = {member: weight for member, weight in weights.items() if weight}
        artifacts.write_json(paths.ONNX / f"{name}.json", {"members": counted})
    click.echo(f"{name}: {', '.join(f'{weight:.2f} {member}' for member, weight in weights.items())}")


if __name__ == "__main__":
    main()
