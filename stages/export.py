"""Write a trained model as ONNX files, and prove that they answer as it does."""

import click

from fer import artifacts, check, commands, models


@commands.stage("export")
@click.argument("model", type=click.Choice(list(models.MODELS)))
def main(model: str) -> None:
    """Write MODEL as ONNX: inputs are a face's pixels or landmarks, preprocessing and softmax are inside.

    \b
    Reads   models/MODEL/, metrics/detail/MODEL.json, data/splits.csv and what the model sees of a face
    Writes  models/onnx/MODEL.onnx      float32, the same answer as the model on every face of val
            fer/pretrained/MODEL.onnx   what `fer predict` uses: weights of 8 bits for a model on pixels
            metrics/export/MODEL.json   sizes, accuracy on val, differences, time of one face on one thread
    """  # noqa: D301  click needs the backspace itself
    params = check.params()
    from fer.export.task import export

    measured = export(model, params)
    artifacts.write_json(f"metrics/export/{model}.json", measured)
    for precision in sorted(measured.keys() - {"drawn"}):
        values = measured[precision]
        click.echo(
            f"{model} {precision}: {values['megabytes']} MB, val {values['val']:.4f}, the model's own label on "
            f"{values['same_label']:.2%}, {values['milliseconds']} ms a face"
        )


if __name__ == "__main__":
    main()
