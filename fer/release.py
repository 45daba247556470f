"""`python -m fer.release cnn:int8 mlp`: copy exported models into the package, with a manifest of what they are worth.

The pipeline never writes into the package. This does, when a maintainer asks for it, and measures each file as it will
be shipped on val and test of the data in `data/`.
"""

import functools
import json
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from fer import artifacts, config, hashing, inputs, paths, writing
from fer.data import drawn, splits
from fer.data.faces import Faces
from fer.errors import FerError
from fer.inference.about import PRECISIONS
from fer.inference.network import Network

PACKAGE = Path("fer/pretrained")
MANIFEST = "manifest.json"
DRAWN_FACES = 140


def release(chosen: Iterable[tuple[Path, str]], default: str | None = None, package: Path = PACKAGE) -> dict[str, Any]:
    """Replace the package's models by the chosen ones; returns the manifest.

    Args:
        chosen: exported files in float32 (or files released earlier), and the precision in which each is shipped.
        default: name of the model that `fer predict` uses; the first one if None.
        package: the folder for the models.

    Raises:
        FerError: a file is missing or no model, or data to measure it on is missing.
    """
    from fer.export import half, int8

    write = {"float16": half.write, "int8": int8.write}
    entries: dict[str, Any] = {}
    protocol = config.load().split.protocol
    with TemporaryDirectory() as folder:
        files = []
        for source, precision in chosen:
            about = Network(source).about
            file = Path(folder, f"{about.name}.onnx")
            if precision == about.precision:
                file.write_bytes(source.read_bytes())
            elif about.precision == "float32":
                write[precision](source, file)
            else:
                raise FerError(f"{source} has the precision {about.precision}: {precision} can't be made from it.")
            files.append(file)
            entries[about.name] = describe(file, protocol)
        if (default or next(iter(entries))) not in entries:
            raise FerError(f"The default {default} is none of the released models: {', '.join(entries)}.")
        manifest = {"default": default or next(iter(entries)), "models": entries}
        with writing.transaction():
            for file in files:
                artifacts.write_bytes(package / file.name, file.read_bytes())
            artifacts.write_json(package / MANIFEST, manifest)
    for file in package.glob("*.onnx"):
        if file.stem not in entries:
            file.unlink()
    return manifest


def describe(file: Path, protocol: str) -> dict[str, Any]:
    """The manifest's entry of a file: what it says of itself, its hash, and its accuracy in one view."""
    network = Network(file)
    about = network.about
    labels = Faces.load(paths.FACES).labels
    members = splits.members(splits.read(paths.SPLITS, len(labels)), protocol)
    values = inputs.load(about.inputs, paths.DATA)

    def accuracy(rows: np.ndarray) -> float:
        answers = network.probabilities(inputs.select(values, rows))
        return float((answers.argmax(axis=1) == labels[rows]).mean())

    return {
        "file": file.name,
        "sha256": hashing.sha256_of_file(file),
        "inputs": list(about.inputs),
        "precision": about.precision,
        "val": accuracy(members["val"]),
        "test": accuracy(members["test"]),
        "drawn": accuracy_on_drawn_faces(network),
        "dataset": about.dataset,
        "weights": about.weights,
        "version": about.version,
        "licence": about.licence,
    }


def accuracy_on_drawn_faces(network: Network) -> float:
    """The share of embedded drawn faces that a model names as they were meant.

    They are available everywhere, so a test can tell whether a file is the one that was released. They say little about
    people.
    """
    about = network.about
    values, labels = _drawn_inputs(tuple(about.inputs), json.dumps(about.landmarks))
    return float((network.probabilities(values).argmax(axis=1) == labels).mean())


@functools.cache  # the landmark models have them in common
def _drawn_inputs(names: tuple[str, ...], landmark_settings: str) -> tuple[inputs.Arrays, np.ndarray]:
    from fer.landmarks.extract import Locator
    from fer.landmarks.views import LandmarkSettings

    faces = drawn.draw(DRAWN_FACES, seed=0)
    settings = json.loads(landmark_settings)
    locator = Locator(LandmarkSettings.from_dict(settings)) if settings else None
    return inputs.from_crops(names, faces.images, locator), faces.labels


def _parse(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> list[tuple[Path, str]]:
    chosen = []
    for value in values:
        name, _colon, precision = value.partition(":")
        if (precision or "float32") not in PRECISIONS:
            raise click.BadParameter(f"{precision} is no precision: choose from {', '.join(PRECISIONS)}.")
        file = Path(name) if name.endswith(".onnx") else paths.ONNX / f"{name}.onnx"
        chosen.append((file, precision or "float32"))
    return chosen


@click.command()
@click.argument("models", nargs=-1, required=True, callback=_parse, metavar="MODEL[:PRECISION]...")
@click.option("--default", help="Model that `fer predict` uses; the first one if not given.")
def main(models: list[tuple[Path, str]], default: str | None) -> None:
    """Copy exported models into the package and write its manifest.

    MODEL is a name in models/onnx/ or the path of an .onnx file; PRECISION is that of the stored weights:
    float32 (the default), float16 or int8.

    \b
    python -m fer.release cnn:int8 mlp gnn transformer:float16
    """  # noqa: D301  click needs the backspace itself
    manifest = release(models, default)
    for name, entry in manifest["models"].items():
        mark = " (default)" if name == manifest["default"] else ""
        click.echo(f"{name}{mark}: {entry['precision']}, val {entry['val']:.4f}, test {entry['test']:.4f}")


if __name__ == "__main__":
    main()
