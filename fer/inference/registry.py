"""Looking up models: in the package, by its manifest, or in a folder that the user names.

A model is an .onnx file. An ensemble is a .json file beside those of its members, with the weight of each:
`{"members": {"cnn": 0.6, "mlp": 0.4}}`.
"""

import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from fer.errors import FerError
from fer.inference.network import MissingModel, Network
from fer.inference.text import one_line, printable

MANIFEST = "manifest.json"
SUFFIX, ENSEMBLE = ".onnx", ".json"


@dataclass(frozen=True)
class Released:
    """A model or an ensemble of the package, as the manifest lists it.

    Attributes:
        name: for `--model`.
        path: of its file.
        inputs: names of its inputs.
        precision: float32, float16 or int8; empty for an ensemble.
        val, test: accuracy of this very file in one view, 0 .. 1.
        dataset: what it was trained on.
        weights: SHA-256 of the trained weights; empty for an ensemble.
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


Known = Mapping[str, Released] | Mapping[str, Path]
"""What a name may mean."""


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
        entries = content["models"] | content.get("ensembles", {})
        return {name: _released(name, entry, content["default"]) for name, entry in entries.items()}
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
        precision=str(entry.get("precision", "")),
        val=float(entry["val"]),
        test=float(entry["test"]),
        dataset=str(entry["dataset"]),
        weights=str(entry.get("weights", "")),
        default=name == default,
    )


def in_folder(folder: Path | str) -> dict[str, Path]:
    """The files of a folder's models and ensembles, by name; no model is loaded.

    Raises:
        MissingModel: there is no such folder, or no model in it.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise MissingModel(f"There is no folder {printable(str(folder))}. Name one that holds {SUFFIX} files.")
    found = {path.stem: path for path in sorted(folder.glob(f"*{SUFFIX}"))}
    if not found:
        raise MissingModel(f"The folder {printable(str(folder))} holds no {SUFFIX} files.")
    others = {path.stem: path for path in sorted(folder.glob(f"*{ENSEMBLE}")) if _has_members(path)}
    return others | found


def members(path: Path) -> dict[str, float]:
    """The members of an ensemble's file with their weights.

    Raises:
        MissingModel: there is no such file.
        FerError: it holds something else.
    """
    if not path.is_file():
        raise MissingModel(f"There is no file {printable(str(path))}. `fer models` lists the models.")
    try:
        found = {name: float(weight) for name, weight in json.loads(path.read_bytes())["members"].items()}
        if not found or not all(math.isfinite(weight) and weight > 0 for weight in found.values()):
            raise ValueError("a weight is not a number above 0")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise FerError(f"{printable(str(path))} is no ensemble of models ({one_line(error, 150)}).") from error
    return found


def _has_members(path: Path) -> bool:
    try:
        return bool(members(path))
    except FerError:
        return False


def load(
    models: Iterable[str | os.PathLike[str]] = (),
    folder: Path | str | None = None,
    threads: int | None = None,
) -> list[Network]:
    """Load models.

    Each of those that are named has the same share of the answer; an ensemble divides its share among its members.

    Args:
        models: names, or paths of .onnx files or of ensembles' .json files. Without any, the manifest's default.
        folder: where to look up names instead of in the package.
        threads: of one call; None leaves it to onnxruntime.

    Raises:
        MissingModel: there is no such model.
        FerError: the file of a model that was asked for can't be used.
    """
    known = released() if folder is None else in_folder(folder)
    chosen = [os.fspath(model) for model in models] or [default(known, folder)]
    accuracies: dict[Path, float | None] = {}
    shares: dict[Path, float] = {}
    for model in chosen:
        for path, accuracy, weight in _files(model, known):
            accuracies[path] = accuracy
            shares[path] = shares.get(path, 0.0) + weight / len(chosen)
    return [Network(path, threads, accuracies[path], share) for path, share in shares.items()]


def _files(model: str, known: Known) -> list[tuple[Path, float | None, float]]:
    """The files of a model or of an ensemble's members: path, accuracy on test if known, and weight, with the sum 1."""
    entry = known.get(model)
    if entry is None and not model.endswith((SUFFIX, ENSEMBLE)):
        raise MissingModel(
            f"There is no model {printable(model)!r}. There are: {', '.join(map(printable, known))}. "
            f"Or give the path of a file that ends with {SUFFIX}."
        )
    path, accuracy = _file(entry or Path(model).expanduser())
    if path.suffix != ENSEMBLE:
        return [(path, accuracy, 1.0)]
    weights = members(path)
    beside: Known = known if entry else {file.stem: file for file in path.parent.glob(f"*{SUFFIX}")}
    found = []
    for name, weight in weights.items():
        own, accuracy = _file(beside.get(name, path))
        if own.suffix != SUFFIX:
            raise FerError(
                f"The ensemble {printable(str(path))} needs the model {printable(name)}, which is not there. In the "
                f"project, `dvc repro export@{printable(name)}` makes it."
            )
        found.append((own, accuracy, weight / sum(weights.values())))
    return found


def _file(entry: Released | Path) -> tuple[Path, float | None]:
    """The path of a file, and its accuracy on test if that is known."""
    return (entry.path, entry.test) if isinstance(entry, Released) else (entry, None)


def default(known: Known, folder: Path | str | None) -> str:
    """The name of the model that answers if none is named: the manifest's default; in a user's folder the model of that
    name, or the only one.

    Raises:
        MissingModel: the folder has several models, and none of that name.
    """
    name = next((entry.name for entry in released().values() if entry.default), None)
    if name in known:
        return str(name)
    if len(known) == 1:
        return next(iter(known))
    raise MissingModel(f"Name a model with --model: {', '.join(map(printable, known))}.")
