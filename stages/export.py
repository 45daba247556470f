"""Write a trained model as an ONNX file, and check that it gives the same answers as the network."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from fer import artifacts, check, commands, models, paths, writing


@commands.stage("export")
@click.argument("model", type=click.Choice(list(models.MODELS)))
def main(model: str) -> None:
    """Write MODEL as ONNX: inputs are a face's pixels or landmarks; preprocessing and softmax are inside.

    \b
    Reads   models/MODEL/, data/splits.csv and the inputs of the model
    Writes  models/onnx/MODEL.onnx      float32, the same answer as the network on every face of val
            metrics/export/MODEL.json   size, accuracy on val, differences from the network
    """  # noqa: D301  click needs the backspace itself
    params = check.params()
    from fer.export.model import export

    with TemporaryDirectory() as folder:
        file = Path(folder, f"{model}.onnx")
        measured = export(model, params, file)
        with writing.transaction():
            artifacts.write_bytes(paths.ONNX / file.name, file.read_bytes())
            artifacts.write_json(paths.METRICS / f"export/{model}.json", measured)
    click.echo(
        f"{model}: {measured['megabytes']} MB, val {measured['val']:.4f}, the network's own label on "
        f"{measured['same_label']:.2%}"
    )


if __name__ == "__main__":
    main()
