"""`python -m fer.check`: checks `params.yaml` and this machine before hours of work.

Every stage calls `params` first, so that a wrong value is named by the first stage, not by the one that uses it.
Building the networks takes seconds, so settings that were found right are noted until they or the code change.
"""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from fer import artifacts, device, hashing, paths
from fer.errors import FerError, MissingFileError, SettingError, not_installed

try:
    import yaml

    from fer import commands, config, models, pipeline_file
    from fer.data import sets
    from fer.models import pretrained
except ModuleNotFoundError as missing:
    raise SystemExit(f"Error: {not_installed(missing)}") from None

NOTE = paths.CACHE / "checked.json"
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
    """Possible problems: hosts that can't be reached, a disk that is nearly full."""
    data_set = sets.get(found.data)
    downloads = data_set.download_host and not paths.FACES.exists() and not sets.local_sources(found.data)
    if downloads and not _reachable(str(data_set.download_host)):
        yield f"{data_set.title} was not found, and {data_set.download_host} can't be reached. {data_set.choices}."
    for name in models.MODELS:
        settings = found.model(name)
        if getattr(settings, "weights", None) == "imagenet" and not _file(name, settings) and not _fetched(name):
            host = pretrained.host(settings.backbone)
            if host and not _reachable(host):
                yield f"{name}.weights = imagenet: {host} can't be reached. {pretrained.CHOICES}"
    free = shutil.disk_usage(".").free
    if free < LEAST_DISK:
        yield f"Only {free / 1e9:.1f} GB are free on this disk; FER2013 and its models take about 1 GB."


def would_run() -> list[str]:
    """The stages that `dvc repro` would run now, in order.

    It may run fewer: a stage is skipped if those before it produce the same files as last time, or if its own files
    are in DVC's cache.

    Raises:
        FerError: DVC can't tell.
    """
    with dvc() as repo:
        return [str(stage.addressing) for stage in running(repo)]


def running(repo: Any, target: str | None = None) -> list[Any]:
    """As `would_run`, but the stages themselves.

    Args:
        repo: what `dvc` gives.
        target: a stage, to be asked about this one and those before it alone, which is quicker.
    """
    return list(repo.reproduce(target, dry=True, force_downstream=True))


@contextmanager
def dvc() -> Iterator[Any]:
    """DVC's own view of this project, a `dvc.repo.Repo`.

    Raises:
        FerError: DVC fails in the block.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.WARNING)  # else it prints a line a stage
    try:
        with Repo() as repo:
            yield repo
    except DvcException as error:
        cause: BaseException = error
        while isinstance(cause.__cause__, DvcException):  # the first one says more: which process holds a lock, say
            cause = cause.__cause__
        raise FerError(f"DVC can't tell what would run: {' '.join(str(cause).split())[:300]}") from error


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
    """Whether the data set is there, unless it has been read already."""
    try:
        sets.check(found.data)
        if not paths.FACES.exists():
            sets.local_sources(found.data)
    except FerError as error:
        yield error.message


def _networks(found: config.Params) -> Iterator[str]:
    """Whether each network can be built, begin with the weights that are asked for, and train in its phases."""
    files = {name: _file(name, found.model(name)) for name in models.MODELS}
    digest = _digest(found, files)
    note = artifacts.read_cache(NOTE)
    if note.get("digest") == digest and not any(Path(path).exists() for path in note["missing"]):
        return
    missing: list[str] = []
    right = True
    for name, file in files.items():
        try:
            settings = found.model(name)
            _build(name, settings)
            if file is not None:
                models.network(name).fetch_pretrained(settings)
        except SettingError as error:
            right = False
            yield error.of(name).message
        except MissingFileError as error:  # an earlier stage makes it, and it decides the network's size
            missing.append(str(error.path))
        except FerError:  # it is damaged, as the stage that reads it will say
            right = False
    if right:
        artifacts.write_json(NOTE, {"digest": digest, "missing": missing})


def _build(name: str, settings: Any) -> None:
    """Build a network on the meta device, which needs no memory and nearly no time."""
    import torch

    kind = models.network(name)
    arguments = kind.arguments(settings, paths.DATA)
    with torch.device("meta"):
        network = kind(**arguments)
    for phase in kind.phases:
        network.begin(phase, settings)
    count, there = models.parameter_count(network), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if count * BYTES_A_PARAMETER > there:
        needed = f"{count:,} parameters take {count * BYTES_A_PARAMETER / 1e9:,.0f} GB to train"
        raise SettingError("*", "these sizes", f"{needed}, and this machine has {there / 1e9:.0f} GB.")


def _file(name: str, settings: Any) -> Path | None:
    """The local file that a model's pretrained weights will be read from, if any."""
    weights = getattr(settings, "weights", None)
    if weights is None or (weights == "imagenet" and _fetched(name)):
        return None
    return pretrained.source(settings.backbone, weights)


def _fetched(name: str) -> bool:
    """Whether the ImageNet weights of a model have been fetched."""
    origin = artifacts.read_cache(paths.MODELS / models.weights_folder(name) / artifacts.CONFIG_FILE)
    return origin.get("source") == "imagenet"


def _digest(found: config.Params, files: dict[str, Path | None]) -> str:
    """A digest of all that decides whether the networks can be built: the code, the settings, files of weights."""
    code = (file.read_bytes() for file in sorted(Path(models.__file__).parent.glob("*.py")))
    weights = [(name, str(file), file.is_file()) for name, file in files.items() if file is not None]
    settings = found.model_dump_json(include=set(models.MODELS))
    return hashing.sha256([*code, f"{settings} {weights}".encode()])


def _reachable(host: str) -> bool:
    import socket

    try:
        socket.create_connection((host, 443), timeout=2).close()
    except OSError:
        return False
    return True


@click.command()
def main() -> None:
    """Check params.yaml and this machine before a long run, and list the stages that `dvc repro` would run.

    Exits with 1 if something is wrong, if dvc.yaml lacks an entry or a dependency, or if a download host can't be
    reached.
    """
    with commands.explain_failures():
        found = params()
        problems = list(warnings(found))
        stages = would_run()  # DVC says what is wrong with the form of dvc.yaml
        content = yaml.safe_load(pipeline_file.FILE.read_text(encoding="utf-8"))
        problems = [*pipeline_file.problems(content), *problems]
        names = f"{len(stages)} stage{'s' * (len(stages) > 1)} to run at most: {', '.join(stages)}."
        click.echo(names if stages else "Nothing to run: all is up to date.")
        if problems:
            raise FerError(" ".join(problems))
        click.echo("params.yaml and this machine are fine.")


if __name__ == "__main__":
    main()
