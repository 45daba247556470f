"""`fer evaluate`."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from fer.cli.options import Run, format_option, open_predictor, output_options, predictor_options, say_who_answered
from fer.cli.terminal import require_stdout, say, write

FORMATS = ("table", "json")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@predictor_options
@click.option(
    "--labels",
    "data_set",
    metavar="NAME",
    help="Data set whose folder numbers or label lists are used: fer2013, rafdb, affectnet, ferplus, ...",
)
@click.option(
    "--pattern", default="*", show_default=True, help="Use only files whose names match, such as 'PrivateTest_*'."
)
@format_option(FORMATS)
@output_options("evaluation.json and confusion.png")
@click.pass_context
def evaluate(
    context: click.Context,
    folder: Path,
    data_set: str | None,
    pattern: str,
    form: str,
    output: Path | None,
    overwrite: bool,
    **options: Any,
) -> None:
    """Measure accuracy, recall and confusion on labelled images.

    DIR contains one folder per emotion (happy, happiness, joy, ...). If the folders are numbered, use --labels to name
    the data set whose numbers they are. If a photo shows several faces, the largest one is used. Photos without a
    detected face are left out, and their number is printed.

    \b
    fer evaluate my_photos/
    fer evaluate test/ --labels fer2013 --no-detect --pattern 'PrivateTest_*'

    Exit status: 0 if every image was read, 1 if some were not, 2 for a usage error.
    """  # noqa: D301  click needs the backspace itself
    import json

    from fer import artifacts
    from fer.inference import labelled
    from fer.inference.results import Results

    if output is None:
        require_stdout()
    else:
        import matplotlib  # noqa: F401  if it is missing, that is told before the work
    found = labelled.find(folder, pattern, data_set)
    for line in found.describe():
        say(line)
    with ExitStack() as stack:
        predictor = stack.enter_context(open_predictor(options))
        results = None
        if output is not None:
            results = stack.enter_context(Results(output, (labelled.REPORT, labelled.FIGURE), overwrite))
        run = Run(predictor, found.names)
        measured = labelled.score(run.photos(bar=True), found.labels)
        measured["model"] = [network.about.name for network in predictor.networks]
        measured["weights"] = [network.about.weights for network in predictor.networks]
        as_json = json.dumps(artifacts.rounded(measured), indent=2) + "\n"
        write(as_json if form == "json" else labelled.table(measured))
        if results is not None:
            artifacts.write_json(results.path(labelled.REPORT), measured)
            artifacts.write_figure(results.path(labelled.FIGURE), labelled.figure(measured), dpi=130)
            results.commit()
            say(f"Saved in {output}: {labelled.REPORT} and {labelled.FIGURE}")
        say_who_answered(predictor)
    context.exit(run.status)
