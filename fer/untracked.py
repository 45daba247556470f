"""`python -m fer.untracked`: which stages read files that have changed since, but that DVC does not track.

The images behind `data.dataset`, FER2013_ARCHIVE and the pretrained weights lie outside the project, so `dvc repro`
can't see them change. `make repro` asks here first. What each stage read is noted when it has read it, as names,
sizes and times of the files: cheap to compare, and a file that was only touched costs one reading, no training.
"""

import hashlib
import json
import os
from pathlib import Path

import click

from fer import artifacts, config, models
from fer.data import fer2013
from fer.data.files import expanded, walk
from fer.errors import FerError
from fer.models import pretrained

NOTES = Path(".cache/untracked.json")


def current(params: config.Params) -> dict[str, Path | None]:
    """What each stage would read now; None for a download, and for nothing at all."""
    faces: Path | None
    if params.data.dataset == "fer2013":
        faces = fer2013.at_hand(os.environ)
    else:
        faces = None if params.data.dataset == "drawn" else expanded(params.data.dataset)
    read: dict[str, Path | None] = {"download": faces}
    for name in models.MODELS:
        weights = getattr(params.model(name), "weights", None)
        if weights is not None:
            read[f"weights@{name}"] = pretrained.source(weights)
    return read


def note(stage: str, params: config.Params) -> None:
    """Remember what a stage has just read."""
    artifacts.write_text(NOTES, json.dumps(_notes() | {stage: fingerprint(current(params)[stage])}, indent=2) + "\n")


def changed(params: config.Params) -> list[str]:
    """The stages whose files are others than those that they read last.

    A stage that never ran here is none, and neither is one whose files are not at hand now: reading again would
    mean a download, of what may be another edition.
    """
    notes = _notes()
    there = {stage: path for stage, path in current(params).items() if path is not None and path.exists()}
    return [stage for stage, path in there.items() if stage in notes and notes[stage] != fingerprint(path)]


def fingerprint(path: Path | None) -> str:
    """A digest of the names, sizes and times of a file, or of all files in a folder."""
    digest = hashlib.blake2b(digest_size=16)
    if path is not None and path.exists():
        files = [path / name for name in walk(path)] if path.is_dir() else [path]
        for file in files:
            stat = file.stat()
            digest.update(f"{file.resolve()} {stat.st_size} {stat.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _notes() -> dict[str, str]:
    if not NOTES.exists():
        return {}
    try:
        return {str(stage): str(digest) for stage, digest in artifacts.read_json(NOTES).items()}
    except FerError:  # a cache: whatever is wrong with it, it can be had again
        return {}


@click.command()
def main() -> None:
    """Print the stages that `dvc repro` must be forced to run, because files outside the project have changed."""
    for stage in changed(config.load()):
        click.echo(stage)


if __name__ == "__main__":
    main()
