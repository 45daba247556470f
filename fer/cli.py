"""The command `fer`: expressions of faces in photos."""

import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from fer import __version__
from fer.errors import FerError

if TYPE_CHECKING:
    from fer.inference.faces import Photo
    from fer.inference.predictor import Predictor

READ, SOME_UNREAD = 0, 1
FORMATS = ["table", "json", "jsonl", "csv"]


@click.group()
@click.version_option(__version__, prog_name="fer")
def main() -> None:
    """Which expression does a face show: angry, disgust, fear, happy, neutral, sad or surprise?

    An expression is what people would read in a face, not what the person feels.
    """


@main.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--model", "models", multiple=True, help="Name of a model or an .onnx file; several are averaged.")
@click.option("--tta", default=1, show_default=True, type=click.IntRange(1, 18), help="Views of a face to average.")
@click.option("--no-detect", "detect", is_flag=True, flag_value=False, default=True, help="The pictures are faces.")
@click.option("--min-size", default=24.0, show_default=True, type=click.FloatRange(1), help="Smallest face, in pixels.")
@click.option("--batch-size", default=64, show_default=True, type=click.IntRange(1, 4096), help="Faces at a time.")
@click.option("--top", default=3, show_default=True, type=click.IntRange(1, 7), help="Emotions named in the table.")
@click.option("--max-megapixels", default=100.0, show_default=True, type=click.FloatRange(0.001), help="Largest photo.")
@click.option("--format", "form", default="table", show_default=True, type=click.Choice(FORMATS))
@click.pass_context
def predict(context: click.Context, paths: tuple[str, ...], **options: Any) -> None:
    """Find the faces in photos, and say which expression each shows.

    PATH is a file, a folder (with all below it), a pattern such as 'trip/*.jpg', or - for standard input.

    \b
    fer predict party.jpg
    fer predict holiday/ --format csv > faces.csv
    fer predict crops/ --no-detect --model cnn --model mlp

    Ends with 0 if every input was read, 1 if some were not, 2 for a wrong call.
    """  # noqa: D301  click needs the backspace itself
    from fer.inference import report, sources
    from fer.inference.predictor import Predictor

    form, top = options.pop("form"), options.pop("top")
    options["megapixels"] = options.pop("max_megapixels")
    names, problems = sources.expand(paths)
    for problem in problems:
        click.echo(problem.reason, err=True)
    predictor = Predictor(options.pop("models"), **options)
    unread = len(problems)

    def good() -> Iterator["Photo"]:
        nonlocal unread
        for photo in _photos(predictor, names):
            if photo.read:
                yield photo
            else:
                unread += 1
                click.echo(photo.problem, err=True)

    for piece in report.write(good(), form, predictor.networks, top, shutil.get_terminal_size((120, 24)).columns):
        click.echo(piece, nl=False)
    for network in predictor.networks:
        about = network.about
        click.echo(
            f"Answered by {about.name} ({about.precision}, weights {about.weights[:12]}, "
            f"{about.test:.1%} right on the test faces of {about.dataset}).",
            err=True,
        )
    context.exit(SOME_UNREAD if unread else READ)


def _photos(predictor: "Predictor", names: list[str]) -> Iterator["Photo"]:
    """The answers, with a progress bar on stderr where there are more than a few."""
    from functools import partial

    from fer.inference import sources

    loaders = (partial(sources.read, name, predictor.megapixels) for name in names)
    photos = predictor.stream(loaders)
    if len(names) < 5 or not sys.stderr.isatty():
        yield from photos
        return
    with click.progressbar(photos, length=len(names), label="Photos", file=sys.stderr) as bar:
        yield from bar


@main.command()
def models() -> None:
    """List the models at hand: accuracy, size, and where they come from."""
    from fer.inference import registry

    found = registry.at_hand()
    if not found:
        raise FerError(f"No models are at hand, neither in {registry.packaged()} nor in {registry.OWN}.")
    click.echo(f"{'model':<12} {'sees':<10} {'precision':<9} {'val':>6} {'test':>6} {'MB':>6}  file")
    for network in found.values():
        about, path = network.about, network.path
        size = path.stat().st_size / 1e6
        values = f"{about.val:6.1%} {about.test:6.1%} {size:6.1f}"
        click.echo(f"{about.name:<12} {about.sees:<10} {about.precision:<9} {values}  {path}")


if __name__ == "__main__":
    main()
