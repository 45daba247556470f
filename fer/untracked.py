"""`python -m fer.untracked`: the stages that must run again because files outside the project have changed.

The data set, the pretrained weights and FER+'s votes lie outside the project, so `dvc repro` does not notice when they
change. `make repro` asks this module first. A stage records the names, sizes and times of the files that it reads,
which are quick to compare. A file that was only touched is read again, but nothing is trained again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from fer import artifacts, hashing, paths, writing
from fer.errors import FerError, not_installed

try:
    from fer import config, models
    from fer.data import files, sets
    from fer.models import pretrained
except ModuleNotFoundError as missing:
    raise SystemExit(f"Error: {not_installed(missing)}") from None

NOTES = paths.CACHE / "untracked.json"


@contextmanager
def reading(stage: str, params: config.Params) -> Iterator[None]:
    """Record what a stage reads from outside the project, if the block ends without an error.

    The fingerprint is taken before the block, so a change while the files are read counts as a change.

    Args:
        stage: `download`, `error_analysis`, or `weights@` and a model's name.
        params: the settings that say where the files are.
    """
    fingerprint = _fingerprint(_outside(params).get(stage, []))
    yield
    with writing.alone("untracked"):  # other stages may end at the same time
        artifacts.write_json(NOTES, artifacts.read_cache(NOTES) | {stage: fingerprint})


def changed(params: config.Params) -> list[str]:
    """The stages whose files have changed since they read them.

    Stages that never ran here do not count, nor do stages whose files are missing now: reading those again could
    mean to download another edition.
    """
    notes = artifacts.read_cache(NOTES)
    there = {stage: found for stage, found in _outside(params).items() if found}
    return [stage for stage, found in there.items() if stage in notes and notes[stage] != _fingerprint(found)]


def _outside(params: config.Params) -> dict[str, list[Path]]:
    """The files and folders outside the project that each stage would read now; empty for a download."""
    try:
        faces = sets.local_sources(params.data)
    except FerError:  # they do not exist
        faces = []
    read = {"download": faces}
    for name in models.MODELS:
        settings = params.model(name)
        if hasattr(settings, "backbone"):
            source = pretrained.source(settings.backbone, settings.weights)
            read[f"weights@{name}"] = [source] if source is not None and source.exists() else []
    try:
        votes = sets.FER_PLUS.votes_on(params.data)
    except FerError:
        votes = None
    return read | {"error_analysis": [votes] if votes else []}


def _fingerprint(sources: list[Path]) -> str:
    """A digest of the names, sizes and times of files, and of all files in folders."""
    lines = []
    for source in sources:
        for file in [source / name for name in files.walk(source)] if source.is_dir() else [source]:
            try:
                stat = file.stat()
                lines.append(f"{file.resolve()} {stat.st_size} {stat.st_mtime_ns}\n")
            except (OSError, RuntimeError):  # a link that leads nowhere or in a circle: the stage will say so
                lines.append(f"{file} unreadable\n")
    return hashing.sha256(line.encode(errors="surrogateescape") for line in lines)


@click.command()
def main() -> None:
    """Print the stages that `dvc repro` must be forced to run, because files outside the project have changed."""
    for stage in changed(config.load()):
        click.echo(stage)


if __name__ == "__main__":
    main()
