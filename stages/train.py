"""Train a model, or one phase of its training."""

from contextlib import nullcontext

import click

from fer import check, commands, device, models


@commands.stage("train")
@click.argument("model", type=click.Choice(list(models.MODELS)))
@click.option("--phase", help="Which phase, for a model that has several; the last if not given.")
def main(model: str, phase: str | None) -> None:
    """Train MODEL on the train split, keeping the weights with the best val accuracy.

    The settings are the section of params.yaml with the model's name, and `train`. An interrupted training goes
    on from its last epoch when it is started again.

    \b
    Reads   data/faces/, data/splits.csv, the inputs of the model, and the phase before
    Writes  models/MODEL/ (an earlier phase: models/MODEL_PHASE/)   weights and config
            plots/curves/MODEL.csv                                  loss and accuracy of each epoch
            metrics/times/MODEL.json                                how long it took, and on what
    """  # noqa: D301  click needs the backspace itself
    params = check.params()
    from fer.depthwise import FastDepthwiseGradients
    from fer.training.tasks import train

    plain = device.choose(params.train.device) == "cpu" and not params.model(model).optim.compile
    with FastDepthwiseGradients() if plain else nullcontext():
        fitted = train(model, phase, params)
    seconds = fitted.times["seconds"]
    if commands.is_first():
        click.echo(f"{fitted.checkpoints.name}: best epoch {fitted.best_epoch} of {fitted.epochs}, {seconds:.0f} s")


if __name__ == "__main__":
    main()
