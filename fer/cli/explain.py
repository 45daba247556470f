"""`fer explain`."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fer.cli.options import (
    Run,
    open_predictor,
    output_options,
    photo_paths,
    predictor_options,
    say_what_is_left,
    say_who_answered,
)
from fer.cli.terminal import holds_unicode, is_terminal, say, write
from fer.errors import FerError
from fer.explain import METHODS, OCCLUSION

if TYPE_CHECKING:
    from fer.inference.faces import Photo
    from fer.inference.saving import FaceResults


@click.command()
@photo_paths
@output_options("a picture of each face with its heat maps; required")
@click.option(
    "--method",
    default=OCCLUSION,
    show_default=True,
    type=click.Choice(METHODS),
    help="occlusion: hide one part of the face after another; works for every model. cam: class activation maps; "
    "faster and coarser, only for models whose file contains a feature map.",
)
@predictor_options
@click.pass_context
def explain(
    context: click.Context, paths: tuple[str, ...], output: Path | None, overwrite: bool, method: str, **options: Any
) -> None:
    """Show which parts of each face led to its predicted expression.

    PATH is a file, a folder (searched recursively), a pattern such as 'trip/*.jpg', or - for standard input. Each face
    gets a picture in DIR/explained/: the face as the model sees it, and heat maps of the two most likely emotions. Warm
    colours mark evidence for the emotion, cold colours evidence against it. For landmark models, whole areas of the
    face are coloured.

    \b
    fer explain party.jpg --output why/
    fer explain party.jpg --output why/ --model mlp
    fer explain crops/ --no-detect --output why/ --method cam

    A heat map shows what the model relies on, not what the person feels, and not whether the model is right.

    Exit status: 0 if every input was read, 1 if some were not, 2 for a usage error.
    """  # noqa: D301  click needs the backspace itself
    from fer.inference import report, saving, sources

    if output is None:
        raise click.UsageError("--output is required: name a folder for the pictures.")
    with ExitStack() as stack:
        predictor = stack.enter_context(open_predictor(options | {"explain": method}))
        stack.push(lambda *error: say_what_is_left(output, error[0] is not None))
        results = stack.enter_context(saving.FaceResults(output, overwrite))
        names, problems = sources.expand(paths, results.made_earlier)
        run = Run(predictor, names)
        for problem in problems:
            run.complain(problem.reason)
        results.start(names, predictor.networks[0].about)
        report.write(
            _finished(run, results),
            "table",
            predictor.networks,
            write,
            width=shutil.get_terminal_size((120, 24)).columns,
            ascii_only=not holds_unicode(),
        )
        if results.pictures:
            results.commit()
            plural = "s" * (results.pictures > 1)
            say(f"Saved in {output}: {saving.EXPLAINED}/ ({results.pictures:,} picture{plural})")
        else:
            say(f"No face could be explained, so nothing was saved in {output}.")
        if run.faces:
            say_who_answered(predictor)
    context.exit(run.status)


def _finished(run: Run, results: "FaceResults") -> Iterator["Photo"]:
    """The photos that were read, each saved before it is reported."""
    for photo in run.photos(bar=not is_terminal(sys.stdout)):
        if not photo.read:
            continue
        try:
            results.add(photo)
        except FerError as error:
            run.complain_of(error)
        yield photo
