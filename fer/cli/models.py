"""`fer models`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fer.cli.options import ALL_READ, SOME_UNREAD
from fer.cli.terminal import require_stdout, say, write
from fer.errors import FerError

if TYPE_CHECKING:
    from fer.inference.registry import Released

_HEAD = ("model", "inputs", "trained on", "precision", "val", "test", "MB", "weights", "file")
_NUMBERS = range(4, 7)  # columns that are set to the right


@click.command()
@click.option(
    "--models", "folder", type=click.Path(path_type=Path), metavar="DIR", help="List the models in this folder instead."
)
@click.pass_context
def models(context: click.Context, folder: Path | None) -> None:
    """List the models with their inputs, accuracy, size and file.

    Without --models, the models that come with fer are listed, and the default one is marked. Val and test are
    accuracies on the data set that the model was trained on, measured with the listed file and without test-time
    augmentation.
    """
    from fer.inference import registry

    require_stdout()
    found = registry.released() if folder is None else registry.in_folder(folder)
    rows, broken = [], 0
    for model in found.values():
        try:
            rows.append(_own(model) if isinstance(model, Path) else _packaged(model))
        except FerError as error:
            broken += 1
            say(error.message)
    for line in _aligned([_HEAD, *rows] if rows else []):
        write(line + "\n")
    context.exit(SOME_UNREAD if broken else ALL_READ)


def _packaged(model: "Released") -> tuple[str, ...]:
    name = f"{model.name} (default)" if model.default else model.name
    values = (f"{model.val:.1%}", f"{model.test:.1%}", _megabytes(model.path))
    about = ", ".join(model.inputs), model.dataset, model.precision or "-"
    return name, *about, *values, model.weights[:12] or "-", str(model.path)


def _own(path: Path) -> tuple[str, ...]:
    from fer.inference import registry
    from fer.inference.network import Network
    from fer.inference.text import printable

    if path.suffix == registry.ENSEMBLE:
        return printable(path.stem), *"-" * 5, _megabytes(path), "-", printable(str(path))
    about = Network(path, threads=1).about
    values = ("-", "-", _megabytes(path))
    name = printable(path.stem)
    known = ", ".join(about.inputs), printable(about.dataset), about.precision
    return name, *known, *values, about.weights[:12], printable(str(path))


def _megabytes(path: Path) -> str:
    try:
        return f"{path.stat().st_size / 1e6:.1f}"
    except OSError as error:
        raise FerError(f"{path} can't be read ({error.strerror}). Install fer again.") from error


def _aligned(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(
            cell.rjust(width) if number in _NUMBERS else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
