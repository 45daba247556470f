"""`fer bulk`."""

import os
import sys
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fer.cli.options import ALL_READ, SOME_UNREAD, Whole, open_predictor, predictor_options, say_who_answered
from fer.cli.terminal import is_terminal, say
from fer.errors import FerError

if TYPE_CHECKING:
    from fer.bulk.job import Job


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.argument("output", metavar="OUTPUT")
@predictor_options
@click.option("--workers", type=Whole(1), metavar="N", help="Worker processes.  [default: one per core]")
@click.option(
    "--cluster",
    metavar="ADDRESS",
    envvar="RAY_ADDRESS",
    help="Address of a Ray cluster, or 'auto' for the one this machine belongs to.  [default: this machine only]",
)
@click.option("--column", metavar="NAME", help="Column of the Parquet files that holds the pictures or their paths.")
@click.option(
    "--shard-size",
    default=500,
    show_default=True,
    type=Whole(1, 1_000_000),
    help="Pictures per output file.",
)
@click.pass_context
def bulk(
    context: click.Context,
    inputs: tuple[str, ...],
    output: str,
    workers: int | None,
    cluster: str | None,
    column: str | None,
    shard_size: int,
    **options: Any,
) -> None:
    """Process millions of pictures, on all cores or a Ray cluster.

    INPUT is a folder, a pattern, a file, or a URL such as s3://bucket/photos, with pictures, tar files of pictures
    (WebDataset), or Parquet files that have a column of pictures or of paths. OUTPUT is a folder or URL. Results are
    Parquet files in OUTPUT/faces, with one row per face, and one row for each picture that has no face or can't be
    read. Run the same command again to continue after an interruption, or to process pictures added to INPUT.

    \b
    fer bulk photos/ results/
    fer bulk 'shards/*.tar' results/ --workers 16
    fer bulk s3://bucket/photos s3://bucket/faces --cluster auto

    Exit status: 0 if every picture was read, 1 if some were not, 2 for a usage error, 130 after Ctrl-C.
    """  # noqa: D301  click needs the backspace itself
    from fer.bulk import cluster as ray_cluster, worker
    from fer.bulk.job import Job

    ray_cluster.load(cluster)  # if it is missing, that is told before the work
    options["models"] = tuple(map(_absolute, options["models"]))
    if options["models_folder"] is not None:
        options["models_folder"] = options["models_folder"].expanduser().absolute()
    with open_predictor(dict(options)) as predictor, ExitStack() as stack:
        cause = worker.cause(predictor, options, column)
        arguments = {"options": options, "column": column, "expected": cause}
        job = stack.enter_context(Job(output, cause))
        for line in job.plan(inputs, shard_size, column):
            say(line)
        started = ray_cluster.started(cluster, workers) if job.pending else nullcontext(0)
        count = stack.enter_context(started)
        stack.callback(_say_what_is_done, job)  # not where the cluster can't be reached
        if job.pending:
            _answer(job, count, arguments)
            say_who_answered(predictor)
    context.exit(SOME_UNREAD if job.unread or job.pending else ALL_READ)


def _absolute(model: str) -> str:
    """The path of a model's file for processes that work in another folder; names stay as they are."""
    return os.path.abspath(Path(model).expanduser()) if model.endswith(".onnx") else model


def _answer(job: "Job", workers: int, arguments: dict[str, Any]) -> None:
    """Have the pending shards answered."""
    from fer.bulk import cluster as ray_cluster

    shards = list(job.pending.values())
    with click.progressbar(
        length=len(shards), label="Shards", file=sys.stderr, hidden=not is_terminal(sys.stderr), item_show_func=_shown
    ) as progress:
        for answer in ray_cluster.answers(shards, workers, output=job.output, **arguments):
            if answer["hopeless"]:
                raise FerError(answer["problem"])
            if answer["problem"]:
                say(answer["problem"])
            else:
                job.record(answer)
            progress.update(1, job)


def _shown(job: "Job | None") -> str:
    return f"{job.pictures:,} pictures, {job.faces:,} faces" if job else ""


def _say_what_is_done(job: "Job") -> None:
    done = job.planned - len(job.pending)
    unread = f", could not read {job.unread:,}" if job.unread else ""
    say(f"Processed {job.pictures:,} pictures, found {job.faces:,} faces{unread}; see {job.output.show('faces')}.")
    if job.pending:
        say(f"{done:,} of {job.planned:,} shards are finished. Run the same command again to continue.")
