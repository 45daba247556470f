"""Fetch the weights that a model's training begins with."""

import click

from fer import check, commands, models, untracked
from fer.models import pretrained


@commands.stage("weights")
@click.argument("model", type=click.Choice(list(models.MODELS)))
def main(model: str) -> None:
    """Fetch the weights that the first phase of MODEL begins with, so that DVC tracks them.

    The setting `weights` of the model says which: the library's download (or a local file: the environment variable
    FER_IMAGENET_WEIGHTS names it or its folder), a file, or none. The fusion begins with the trained models models/cnn/
    and models/mlp/. Writes models/MODEL_weights/ with the tensors, their source and the SHA-256 of the file.
    """
    params = check.params()
    with untracked.reading(f"weights@{model}", params):
        origin = pretrained.write_folder(model, params)
    click.echo(f"{model} begins with: {origin['source']}, SHA-256 {origin['sha256'] or 'unknown'}")


if __name__ == "__main__":
    main()
