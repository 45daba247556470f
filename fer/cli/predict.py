"""`fer predict`."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fer.cli.options import (
    Run,
    Whole,
    can_open_windows,
    format_option,
    open_predictor,
    output_options,
    photo_paths,
    predictor_options,
    say_what_is_left,
    say_who_answered,
)
from fer.cli.terminal import holds_unicode, is_terminal, require_stdout, say, write
from fer.errors import FerError
from fer.explain import OCCLUSION

if TYPE_CHECKING:
    from fer.inference.faces import Photo
    from fer.inference.saving import PhotoResults

FORMATS = ("table", "json", "jsonl", "csv")


@click.command()
@photo_paths
@predictor_options
@click.option("--top", default=3, show_default=True, type=Whole(1, 7), help="Emotions per face in the table.")
@format_option(FORMATS)
@output_options("faces.csv, photos.jsonl and annotated copies")
@click.option("--show", is_flag=True, help="Show each annotated photo in a window.")
@click.option("--url", "urls", is_flag=True, help="Download paths that are web addresses (https://...).")
@click.option("--explain", is_flag=True, help="Draw a heat map over each face in annotated photos (see `fer explain`).")
@click.pass_context
def predict(
    context: click.Context,
    paths: tuple[str, ...],
    top: int,
    form: str,
    output: Path | None,
    overwrite: bool,
    show: bool,
    urls: bool,
    explain: bool,
    **options: Any,
) -> None:
    """Find the faces in photos and predict their expressions.

    PATH is a file, a folder (searched recursively), a pattern such as 'trip/*.jpg', or - for standard input.

    \b
    fer predict party.jpg
    fer predict holiday/ --output results/
    fer predict holiday/ --output results/ --explain
    fer predict holiday/ --format csv > faces.csv
    fer predict crops/ --no-detect --model cnn --model mlp
    fer predict --url https://example.com/party.jpg

    Exit status: 0 if every input was read, 1 if some were not, 2 for a usage error.
    """  # noqa: D301  click needs the backspace itself
    from fer.inference import report, saving, sources

    if explain and output is None and not show:
        raise click.UsageError("--explain needs annotated photos: add --output DIR or --show")
    if output is None:
        require_stdout()
    with ExitStack() as stack:
        predictor = stack.enter_context(open_predictor(options | {"explain": OCCLUSION if explain else None}))
        results = None
        if output is not None:
            stack.push(lambda *error: say_what_is_left(output, error[0] is not None))
            results = stack.enter_context(saving.PhotoResults(output, overwrite))
        names, problems = sources.expand(paths, results.made_earlier if results else lambda name: False, urls=urls)
        run = Run(predictor, names, urls)
        for problem in problems:
            run.complain(problem.reason)
        if results is not None:
            results.start(names, predictor.networks)
        report.write(
            _finished(run, results, show and can_open_windows()),
            form,
            predictor.networks,
            write,
            top=top,
            width=shutil.get_terminal_size((120, 24)).columns,
            ascii_only=not holds_unicode(),
        )
        if results is not None and run.read:
            results.commit()
            say(f"Saved in {output}: faces.csv, photos.jsonl and {saving.ANNOTATED}/")
        elif results is not None:
            say(f"No picture was read, so nothing was saved in {output}.")
        if form != "table" and run.passed_over:
            say(f"Faces skipped: {run.passed_over}")
        if run.faces:
            say_who_answered(predictor)
    context.exit(run.status)


def _finished(run: Run, results: "PhotoResults | None", show: bool) -> Iterator["Photo"]:
    """The photos that were read, each saved and shown before it is reported."""
    keep_frames = results is not None or show
    for photo in run.photos(bar=not is_terminal(sys.stdout), keep_frames=keep_frames):
        if not photo.read:
            continue
        try:
            if results is not None:
                results.add(photo)
            if show:
                _show(photo)
        except FerError as error:
            run.complain_of(error)
        photo.frame = None
        yield photo


def _show(photo: "Photo") -> None:
    from fer.inference import draw, window

    if photo.frame is not None:
        window.show(draw.annotated(photo.frame.image(), photo.faces, legend=True), photo.name)
