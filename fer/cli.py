"""The command `fer`: expressions of faces in photos."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fer import __version__
from fer.errors import FerError

if TYPE_CHECKING:
    from fer.inference.faces import Photo
    from fer.inference.predictor import Predictor

READ, SOME_UNREAD = 0, 1
FEW = 5  # photos without a progress bar
FORMATS = ["table", "json", "jsonl", "csv"]


@click.group()
@click.version_option(__version__, prog_name="fer")
def main() -> None:
    """Which expression does a face show: angry, disgust, fear, happy, neutral, sad or surprise?

    An expression is what people would read in a face, not what the person feels.

    \b
    fer predict party.jpg          the faces of a photo, a folder, a pattern
    fer evaluate labelled/         how well that goes where the truth is known
    fer models                     which models there are
    """  # noqa: D301  click needs the backspace itself


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that `predict` and `evaluate` have in common: the arguments of a Predictor."""
    options = (
        click.option(
            "--model", "models", multiple=True, help="Name of a model or an .onnx file; several are averaged."
        ),
        click.option(
            "--tta", default=1, show_default=True, type=click.IntRange(1, 18), help="Views of a face to average."
        ),
        click.option(
            "--no-detect", "detect", is_flag=True, flag_value=False, default=True, help="The images are face crops."
        ),
        click.option(
            "--min-size", default=24.0, show_default=True, type=click.FloatRange(1), help="Smallest face, in pixels."
        ),
        click.option(
            "--batch-size", default=64, show_default=True, type=click.IntRange(1, 4096), help="Faces at a time."
        ),
        click.option(
            "--max-megapixels",
            "megapixels",
            default=100.0,
            show_default=True,
            type=click.FloatRange(0.001),
            help="Larger photos are not read.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@main.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@_shared
@click.option("--top", default=3, show_default=True, type=click.IntRange(1, 7), help="Emotions named in the table.")
@click.option("--format", "form", default="table", show_default=True, type=click.Choice(FORMATS))
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for faces.csv, photos.jsonl and annotated copies.",
)
@click.option("--show", is_flag=True, help="Open each annotated photo in a window.")
@click.pass_context
def predict(
    context: click.Context,
    paths: tuple[str, ...],
    top: int,
    form: str,
    output: Path | None,
    show: bool,
    **options: Any,
) -> None:
    """Find the faces in photos, and say which expression each shows.

    PATH is a file, a folder (with all below it), a pattern such as 'trip/*.jpg', or - for standard input.

    \b
    fer predict party.jpg
    fer predict holiday/ --output results/
    fer predict holiday/ --format csv > faces.csv
    fer predict crops/ --no-detect --model cnn --model mlp

    Ends with 0 if every input was read, 1 if some were not, 2 for a wrong call.
    """  # noqa: D301  click needs the backspace itself
    from fer.inference import report, saving, sources

    predictor = _predictor(options)
    names, problems = sources.expand(paths, output)
    inputs = _Inputs(predictor, names)
    for problem in problems:
        inputs.complain(problem.reason)
    show = show and _window()
    faces = 0

    with ExitStack() as stack, _writable():
        folder = None
        if output is not None:
            folder = stack.enter_context(saving.Folder(output, names, predictor.networks, predictor.megapixels))

        def good() -> Iterator["Photo"]:
            nonlocal faces
            for photo in inputs.photos(bar=not sys.stdout.isatty()):
                if not photo.read:
                    continue
                faces += len(photo.faces)
                try:
                    if folder is not None:
                        folder.add(photo)
                    if show:
                        _show(photo, predictor.megapixels)
                except FerError as error:
                    inputs.complain(error.message)
                yield photo

        width = shutil.get_terminal_size((120, 24)).columns
        for piece in report.write(good(), form, predictor.networks, top, width):
            click.echo(piece, nl=False)
    if output is not None:
        click.echo(f"Saved in {output}: faces.csv, photos.jsonl and {saving.ANNOTATED}/", err=True)
    if faces:
        _say_who(predictor)
    context.exit(SOME_UNREAD if inputs.unread else READ)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@_shared
@click.option("--pattern", default="*", show_default=True, help="Only files with such names, as 'PrivateTest_*'.")
@click.option("--format", "form", default="table", show_default=True, type=click.Choice(["table", "json"]))
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for evaluation.json and confusion.png.",
)
@click.pass_context
def evaluate(
    context: click.Context, folder: Path, pattern: str, form: str, output: Path | None, **options: Any
) -> None:
    """Measure the models on images whose expression is known: accuracy, recall, confusion.

    DIR holds a folder for each emotion (happy, 3_happiness, ... or FER2013's numbers). Of several faces in a photo
    the largest counts; a face that is not found is left out, and counted.

    \b
    fer evaluate my_photos/
    fer evaluate fer2013/test --no-detect --pattern 'PrivateTest_*'
    """  # noqa: D301  click needs the backspace itself
    import json

    from fer import artifacts
    from fer.inference import labelled

    names, labels = labelled.find(folder, pattern)
    predictor = _predictor(options)
    inputs = _Inputs(predictor, names)
    measured = labelled.score(inputs.photos(bar=True), labels)
    measured["model"] = [network.about.name for network in predictor.networks]
    measured["weights"] = [network.about.weights for network in predictor.networks]
    click.echo(
        json.dumps(artifacts.rounded(measured), indent=2) + "\n" if form == "json" else labelled.table(measured),
        nl=False,
    )
    if output is not None:
        with _writable():
            artifacts.write_json(output / "evaluation.json", measured)
            artifacts.write_figure(output / "confusion.png", labelled.figure(measured), dpi=130)
        click.echo(f"Saved in {output}: evaluation.json and confusion.png", err=True)
    _say_who(predictor)
    context.exit(SOME_UNREAD if inputs.unread else READ)


@main.command()
def models() -> None:
    """List the models at hand: accuracy, size, time of a face, and where they come from."""
    from fer.inference import registry

    found = registry.at_hand(threads=1)
    if not found:
        raise FerError(f"No models are at hand, neither in {registry.packaged()} nor in {registry.OWN}.")
    click.echo(
        f"{'model':<12} {'sees':<10} {'precision':<9} {'val':>6} {'test':>6} {'MB':>5} {'ms':>5}  weights       file"
    )
    for network in found.values():
        about, path = network.about, network.path
        size = path.stat().st_size / 1e6
        values = f"{about.val:6.1%} {about.test:6.1%} {size:5.1f} {network.milliseconds():5.1f}"
        shown = _relative(path)
        click.echo(f"{about.name:<12} {about.sees:<10} {about.precision:<9} {values}  {about.weights[:12]}  {shown}")
    click.echo("ms: one face on one thread of this machine, after it was found.", err=True)


def _predictor(options: dict[str, Any]) -> "Predictor":
    from fer.inference.predictor import Predictor

    return Predictor(options.pop("models"), **options)


class _Inputs:
    """The photos of a command, and how many of its inputs could not be read."""

    def __init__(self, predictor: "Predictor", names: list[str]) -> None:
        self._predictor, self._names = predictor, names
        self.unread = 0

    def complain(self, line: str) -> None:
        """Count an input, and say why on a line of its own, over what a progress bar has left on the last one."""
        self.unread += 1
        click.echo(("\r\x1b[K" if sys.stderr.isatty() else "") + line, err=True)

    def photos(self, bar: bool) -> Iterator["Photo"]:
        """The answers, those that could not be read too.

        Args:
            bar: whether to show one on a terminal where there are more than a few. Not where the answers go to the
                terminal as they come: it would stand in their midst.
        """
        from fer.inference import sources

        loaders = (partial(sources.read, name, self._predictor.megapixels) for name in self._names)
        hidden = not bar or len(self._names) < FEW or not sys.stderr.isatty()
        photos = self._predictor.stream(loaders)
        with click.progressbar(
            photos, length=len(self._names), label="Photos", file=sys.stderr, hidden=hidden
        ) as progress:
            for photo in progress:
                if not photo.read:
                    self.complain(photo.problem)
                yield photo


@contextmanager
def _writable() -> Iterator[None]:
    """Turn what hinders the writing of results, say a full disk, into one line."""
    try:
        yield
    except BrokenPipeError:  # whoever read the answers has enough of them
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise FerError(f"{where}{error.strerror or error}. What was answered before is kept.") from error


def _say_who(predictor: "Predictor") -> None:
    for network in predictor.networks:
        about = network.about
        click.echo(
            f"Answered by {about.name} ({about.precision}, weights {about.weights[:12]}, "
            f"{about.test:.1%} right on the test faces of {about.dataset}).",
            err=True,
        )


def _window() -> bool:
    """Whether windows can be opened; says why not."""
    from fer.inference import window

    try:
        window.require()
    except FerError as error:
        click.echo(error.message, err=True)
        return False
    return True


def _show(photo: "Photo", megapixels: float) -> None:
    from fer.inference import draw, sources, window

    window.show(draw.annotated(sources.colour(photo.name, megapixels), photo.faces), photo.name)


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    main()
