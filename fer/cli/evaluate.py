"""`fer evaluate`."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from fer.cli.options import Run, open_predictor, output_options, predictor_options, say_who_answered
from fer.cli.terminal import require_stdout, say, write


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@predictor_options
@click.option(
    "--labels",
    "data_set",
    metavar="NAME",
    help="Data set that the numbers or lists belong to: fer2013, rafdb, affectnet, ferplus, ...",
)
@click.option("--pattern", default="*", show_default=True, help="Only files with such names, as 'PrivateTest_*'.")
@click.option("--format", "form", default="table", show_default=True, type=click.Choice(["table", "json"]))
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
    """Measure the models on labelled images: accuracy, recall, confusion.

    DIR holds a folder for each emotion (happy, happiness, joy, ...). Folders of numbers need --labels, which says
    which data set's numbers they are. Of several faces in a photo the largest counts. Photos without a detected face
    are left out and counted.

    \b
    fer evaluate my_photos/
    fer evaluate fer2013/test --labels fer2013 --no-detect --pattern 'PrivateTest_*'
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
            results = stack.enter_context(Results(output, ("evaluation.json", "confusion.png"), overwrite))
        run = Run(predictor, found.names)
        measured = labelled.score(run.photos(bar=True), found.labels)
        measured["model"] = [network.about.name for network in predictor.networks]
        measured["weights"] = [network.about.weights for network in predictor.networks]
        as_json = json.dumps(artifacts.rounded(measured), indent=2) + "\n"
        write(as_json if form == "json" else labelled.table(measured))
        if results is not None:
            artifacts.write_json(results.path("evaluation.json"), measured)
            artifacts.write_figure(results.path("confusion.png"), labelled.figure(measured), dpi=130)
            results.commit()
            say(f"Saved in {output}: evaluation.json and confusion.png")
        say_who_answered(predictor)
    context.exit(run.status)
