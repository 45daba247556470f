"""`python -m fer.check`: all that can be known of `params.yaml` and this machine before hours of work.

Every stage asks `params` here too, so that a wrong value is named by the first stage, not by the one that uses it.
Building the networks takes seconds, so what was found right is remembered until the settings or the code change.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from fer import artifacts, config, device, models
from fer.data import fer2013, sources
from fer.errors import FerError, SettingError
from fer.models import pretrained

NOTES = Path(".cache/checked.json")
DATA, MODELS = Path("data"), Path("models")
# A weight, its gradient, AdamW's two moments, the averaged weight and the best one, in float32.
BYTES_A_PARAMETER = 6 * 4
LEAST_DISK = 2 * 1024**3


def params() -> config.Params:
    """Read `params.yaml`, and check that every stage could use it on this machine.

    Raises:
        FerError: names all that is wrong.
    """
    found = config.load()
    wrong = [*_machine(found), *_sources(found), *_networks(found)]
    if wrong:
        raise FerError(" ".join(wrong))
    return found


def warnings(found: config.Params) -> Iterator[str]:
    """What may become a problem: downloads that can't be reached, a disk that is nearly full."""
    asks_kaggle = found.data.dataset == "fer2013" and not _faces_are_there() and not fer2013.at_hand(os.environ)
    if asks_kaggle and not _reachable("www.kaggle.com"):
        yield f"FER2013 is not at hand, and Kaggle can't be reached. {fer2013.CHOICES}."
    for name in models.MODELS:
        settings = found.model(name)
        if getattr(settings, "weights", None) == "imagenet" and not _source(name, settings) and not _brought(name):
            host = pretrained.host(settings.backbone)
            if host and not _reachable(host):
                yield f"{name}.weights = imagenet: {host} can't be reached. {pretrained.CHOICES}"
    free = shutil.disk_usage(".").free
    if free < LEAST_DISK:
        yield f"Only {free / 1e9:.1f} GB are free on this disk; FER2013 and its models take about 1 GB."


def would_run() -> list[str]:
    """The stages that `dvc repro` would run, at most: it leaves out those whose inputs come out unchanged.

    Raises:
        FerError: DVC can't tell.
    """
    command = [sys.executable, "-m", "dvc", "repro", "--dry", "--force-downstream", "--allow-missing"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FerError(f"`dvc repro --dry` says: {' '.join(done.stderr.split())[-300:]}")
    starts = (line.partition("Running stage '")[2] for line in done.stdout.splitlines())
    return [start.rpartition("'")[0] for start in starts if start]


def _machine(found: config.Params) -> Iterator[str]:
    try:
        if found.train.device in ("cuda", "mps"):  # the others are always there, and torch loads slowly
            device.choose(found.train.device)
        if found.train.precision == "16-mixed":
            from fer.training.fit import precision

            precision(found.train)
    except FerError as error:
        yield error.message


def _sources(found: config.Params) -> Iterator[str]:
    """Whether there is what the first stage will read, where it has not run yet."""
    if not _faces_are_there():
        try:
            sources.at_hand(found.data)
        except FerError as error:
            yield error.message


def _networks(found: config.Params) -> Iterator[str]:
    """Whether each network can be built, begin with the weights that are asked for, and train in its phases."""
    known, code = _notes(), _code()
    for name in models.MODELS:
        settings = found.model(name)
        source = _source(name, settings)
        reads = None if source is None or (settings.weights == "imagenet" and _brought(name)) else str(source)
        digest = hashlib.sha256(f"{code} {settings.model_dump_json()} {reads}".encode()).hexdigest()
        if known.get(name) == digest and (reads is None or Path(reads).is_file()):
            continue
        try:
            _build(name, settings)
            if reads is not None:
                models.network(name).fetch_pretrained(settings)
        except SettingError as error:
            yield error.of(name).message
            continue
        except FerError:  # an artefact of an earlier stage decides its size, and is not there yet
            pass
        known[name] = digest
    if known != _notes():
        artifacts.write_text(NOTES, json.dumps(known, indent=2) + "\n")


def _build(name: str, settings: Any) -> None:
    """Build a network without numbers, which needs no memory and nearly no time."""
    import torch

    kind = models.network(name)
    arguments = kind.arguments(settings, DATA)
    with torch.device("meta"):
        network = kind(**arguments)
    for phase in kind.phases:
        network.begin(phase, settings)
    count, there = models.parameter_count(network), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if count * BYTES_A_PARAMETER > there:
        needed = f"{count:,} parameters take {count * BYTES_A_PARAMETER / 1e9:,.0f} GB to train"
        raise SettingError("*", "these sizes", f"{needed}, and this machine has {there / 1e9:.0f} GB.")


def _source(name: str, settings: Any) -> Path | None:
    """The local file that a model's pretrained weights come from, if any."""
    weights = getattr(settings, "weights", None)
    return None if weights is None else pretrained.source(weights)


def _brought(name: str) -> bool:
    """Whether ImageNet's weights of a model are there already."""
    try:
        origin = artifacts.read_json(MODELS / models.weights_folder(name) / artifacts.CONFIG_FILE)
    except FerError:
        return False
    return origin.get("source") == "imagenet"


def _faces_are_there() -> bool:
    return (DATA / "faces").exists()


def _code() -> str:
    sources = sorted(Path(models.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def _notes() -> dict[str, str]:
    try:
        return {str(name): str(digest) for name, digest in artifacts.read_json(NOTES).items()}
    except FerError:  # a cache: whatever is wrong with it, it can be had again
        return {}


def _reachable(host: str) -> bool:
    import socket

    try:
        socket.create_connection((host, 443), timeout=2).close()
    except OSError:
        return False
    return True


@click.command()
def main() -> None:
    """Check params.yaml and this machine before a long run, and say which stages `dvc repro` would run.

    Exits with 1 if something is wrong, or can't be downloaded.
    """
    found = params()
    problems = list(warnings(found))
    stages = would_run()
    click.echo(f"{len(stages)} stages to run: {', '.join(stages)}." if stages else "Nothing to run: all is up to date.")
    if problems:
        raise FerError(" ".join(problems))
    click.echo("params.yaml and this machine are fit for it.")


if __name__ == "__main__":
    main()
