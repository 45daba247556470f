"""What the commands have in common: the options of the Predictor, and the progress bar."""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fer import writing
from fer.cli.terminal import is_terminal, say
from fer.errors import FerError

if TYPE_CHECKING:
    from fer.inference.faces import Photo
    from fer.inference.predictor import Predictor

ALL_READ, SOME_UNREAD = 0, 1
FEW = 5  # photos without a progress bar


class Finite(click.FloatRange):
    """A number within bounds; neither NaN nor infinite."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse a number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class Whole(click.IntRange):
    """A whole number within bounds."""

    name = "integer"


class Folder(click.Path):
    """A folder for results, which may not exist yet."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, file_okay=False)


def _not_empty(_: click.Context, __: click.Parameter, paths: tuple[str, ...]) -> tuple[str, ...]:
    if not all(paths):
        raise click.BadParameter("a path is empty; for the current folder, write a dot.")
    return paths


photo_paths = click.argument("paths", nargs=-1, required=True, metavar="PATH...", callback=_not_empty)
"""The argument of a command that reads photos."""


def predictor_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for the arguments of a Predictor."""
    options = (
        click.option(
            "--model",
            "models",
            multiple=True,
            metavar="NAME",
            help="Name of a model, or path of an .onnx file. Repeat to average several (not for heat maps).  "
            "[default: see `fer models`]",
        ),
        click.option(
            "--models",
            "models_folder",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Folder with your own .onnx files, such as models/onnx.  [default: the models that come with fer]",
        ),
        click.option(
            "--tta",
            default=1,
            show_default=True,
            type=Whole(1, 18),
            help="Test-time augmentation: number of views of each face to average.",
        ),
        click.option(
            "--no-detect",
            "detect",
            is_flag=True,
            flag_value=False,
            default=True,
            help="Skip face detection: each image is one cropped face.",
        ),
        click.option(
            "--min-size",
            default=24.0,
            show_default=True,
            type=Finite(1),
            help="Ignore faces that are smaller than this, in pixels.",
        ),
        click.option("--batch-size", default=64, show_default=True, type=Whole(1, 4096), help="Faces per batch."),
        click.option(
            "--max-megapixels",
            "megapixels",
            default=100.0,
            show_default=True,
            type=Finite(0.001),
            help="Do not read larger images.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def output_options(files: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options for a folder of results.

    Args:
        files: what is written there, for the help.
    """

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        overwrite = click.option(
            "--overwrite", is_flag=True, help="Let --output replace files that fer did not create."
        )
        return click.option("--output", type=Folder(), help=f"Folder for {files}.")(overwrite(command))

    return add


def format_option(formats: Sequence[str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the option `--format`, the argument `form`.

    Args:
        formats: to choose from; the first is the default.
    """
    return click.option(
        "--format",
        "form",
        default=formats[0],
        show_default=True,
        type=click.Choice(formats),
        help="Format of what is printed.",
    )


def open_predictor(options: dict[str, Any]) -> "Predictor":
    """The Predictor that the options of `predictor_options` describe."""
    from fer.inference.predictor import Predictor

    return Predictor(options.pop("models"), **options)


class Run:
    """The photos of a command, and how many of its inputs were read and not read.

    Args:
        predictor: answers.
        names: of the photos, as `sources.expand` gives them.
        urls: whether addresses on the web are fetched.
    """

    def __init__(self, predictor: "Predictor", names: Sequence[str], urls: bool = False) -> None:
        self._predictor, self._names, self._urls = predictor, names, urls
        self.read = self.unread = self.faces = self._too_small = 0
        self._smallest = math.inf

    @property
    def status(self) -> int:
        """The exit status."""
        return SOME_UNREAD if self.unread else ALL_READ

    def complain(self, line: str) -> None:
        """Count an input that could not be read, and say why."""
        self.unread += 1
        say(line)

    def complain_of(self, error: FerError) -> None:
        """The same of an input whose results could not be saved.

        Raises:
            FerError: the error itself if the disk is full: the results would not be whole, so the earlier ones stay.
        """
        if writing.is_disk_full(error):
            raise error
        self.complain(error.message)

    @property
    def passed_over(self) -> str:
        """How many faces were smaller than asked for, and with which option they are read; empty if there are none."""
        from fer.inference import report

        return report.passed_over(self._too_small, self._smallest, self._predictor.min_size)

    def photos(self, bar: bool, keep_frames: bool = False) -> Iterator["Photo"]:
        """Predict all photos, including those that could not be read.

        Args:
            bar: whether to show a progress bar on a terminal if there are more than a few photos. Not if the answers
                are printed on the same terminal, which the bar would interrupt.
            keep_frames: whether each photo keeps its picture.
        """
        from fer.inference import sources

        frames = sources.read_all(self._names, self._predictor.megapixels, urls=self._urls)
        photos = self._predictor.stream(frames, keep_frames=keep_frames)
        hidden = not bar or len(self._names) < FEW or not is_terminal(sys.stderr)
        with click.progressbar(
            photos, length=len(self._names), label="Photos", file=sys.stderr, hidden=hidden
        ) as progress:
            for photo in progress:
                if photo.read:
                    self.read += 1
                    self.faces += len(photo.faces)
                    if photo.too_small:
                        self._too_small += photo.too_small
                        self._smallest = min(self._smallest, photo.smallest)
                else:
                    self.complain(photo.problem)
                yield photo


def say_what_is_left(output: Path, interrupted: bool) -> None:
    """Say where the results of a run that was interrupted are."""
    from fer.inference.results import UNFINISHED

    if interrupted and (output / UNFINISHED).is_dir():
        say(f"Unfinished results are in {output / UNFINISHED}; earlier results in {output} are unchanged.")


def can_open_windows() -> bool:
    """Whether windows can be opened; says why not."""
    from fer.inference import window

    try:
        window.require_display()
    except FerError as error:
        say(error.message)
        return False
    return True


def say_who_answered(predictor: "Predictor") -> None:
    """Name the models, and how good they are."""
    from fer.inference import report

    for line in report.answered_by(predictor.networks):
        say(line)
