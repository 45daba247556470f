"""Looking up models: in the package, by its manifest, or in a folder that the user names."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from fer.errors import FerError
from fer.inference.network import MissingModel, Network
from fer.inference.text import one_line, printable

MANIFEST = "manifest.json"
SUFFIX = ".onnx"


@dataclass(frozen=True)
class Released:
    """A model of the package, as the manifest lists it.

    Attributes:
        name: for `--model`.
        path: of its file.
        inputs: names of its inputs.
        precision: float32 or int8.
        val, test: accuracy of this very file in one view, 0 .. 1.
        dataset: what it was trained on.
        weights: SHA-256 of the trained weights.
        default: whether `fer predict` uses it.
    """

    name: str
    path: Path
    inputs: tuple[str, ...]
    precision: str
    val: float
    test: float
    dataset: str
    weights: str
    default: bool


def packaged() -> Path:
    """The folder of the models that come with the package."""
    return Path(str(files("fer"))) / "pretrained"


def released() -> dict[str, Released]:
    """The models of the package by name, from its manifest; no model is loaded.

    Raises:
        FerError: the manifest is missing or damaged.
    """
    path = packaged() / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: _released(name, entry, content["default"]) for name, entry in content["models"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise FerError(
            f"The list of packaged models, {path}, can't be read ({one_line(error)}). "
            "Install fer again, or restore the file with `git restore`."
        ) from error


def _released(name: str, entry: dict[str, Any], default: str) -> Released:
    return Released(
        name=name,
        path=packaged() / Path(entry["file"]).name,
        inputs=tuple(entry["inputs"]),
        precision=str(entry["precision"]),
        val=float(entry["val"]),
        test=float(entry["test"]),
        dataset=str(entry["dataset"]),
        weights=str(entry["weights"]),
        default=name == default,
    )


def in_folder(folder: Path | str) -> dict[str, Path]:
    """The model files of a folder, by name; none is loaded.

    Raises:
        MissingModel: there is no such folder, or no model in it.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise MissingModel(f"There is no folder {printable(str(folder))}. Name one that holds {SUFFIX} files.")
    found = {path.stem: path for path in sorted(folder.glob(f"*{SUFFIX}"))}
    if not found:
        raise MissingModel(f"The folder {printable(str(folder))} holds no {SUFFIX} files.")
    return found


def load(
    models: Iterable[str | os.PathLike[str]] = (),
    folder: Path | str | None = None,
    threads: int | None = None,
) -> list[Network]:
    """Load models.

    Args:
        models: names, or paths of .onnx files. Without any, the manifest's default.
        folder: where to look up names instead of in the package.
        threads: of one call; None leaves it to onnxruntime.

    Raises:
        MissingModel: there is no such model.
        FerError: the file of a model that was asked for can't be used.
    """
    known = released() if folder is None else in_folder(folder)
    chosen = [os.fspath(model) for model in models] or [_default(known, folder)]
    return list(_load(chosen, known, threads))


def _load(
    chosen: Iterable[str], known: dict[str, Released] | dict[str, Path], threads: int | None
) -> Iterator[Network]:
    for model in chosen:
        entry = known.get(model)
        if isinstance(entry, Released):
            yield Network(entry.path, threads, entry.test)
        elif entry is not None:
            yield Network(entry, threads)
        elif model.endswith(SUFFIX):
            yield Network(Path(model).expanduser(), threads)
        else:
            raise MissingModel(
                f"There is no model {printable(model)!r}. There are: {', '.join(map(printable, known))}. "
                f"Or give the path of a file that ends with {SUFFIX}."
            )


def _default(known: dict[str, Released] | dict[str, Path], folder: Path | str | None) -> str:
    """The manifest's default; in a user's folder the model of that name, or the only one."""
    name = next((entry.name for entry in released().values() if entry.default), None)
    if name in known:
        return str(name)
    if len(known) == 1:
        return next(iter(known))
    raise MissingModel(f"Name a model with --model: {', '.join(map(printable, known))}.")
