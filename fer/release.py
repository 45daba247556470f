"""`python -m fer.release cnn:int8 mlp`: copy exported models into the package, with a manifest of what they are worth.

The pipeline never writes into the package. This does, when a maintainer asks for it, and measures each file as it will
be shipped on val and test of the data in `data/`. So models of several data sets are released one data set after the
other, the later ones with `--keep`.
"""

import functools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from fer import artifacts, averaging, config, hashing, inputs, paths, writing
from fer.data import drawn, splits
from fer.data.faces import Faces
from fer.errors import FerError
from fer.inference import registry
from fer.inference.about import PRECISIONS
from fer.inference.network import Network

PACKAGE = Path("fer/pretrained")
MANIFEST = "manifest.json"
DRAWN_FACES = 140


def release(
    chosen: Iterable[tuple[Path, str]], default: str | None = None, *, keep: bool = False, package: Path = PACKAGE
) -> dict[str, Any]:
    """Replace the package's models by the chosen ones; returns the manifest.

    Args:
        chosen: exported files in float32 (or files released earlier), and the precision in which each is shipped; and
            files of ensembles, whose members must be among the others.
        default: name of the model or ensemble that `fer predict` uses; if None the one so far where models are kept,
            else the first.
        keep: whether models and ensembles stay in the package that are not among the chosen ones.
        package: the folder for the models.

    Raises:
        FerError: a file is missing or no model, or data to measure it on is missing or another data set's.
    """
    from fer.export import half, int8

    params = config.load()

    write = {"float16": half.write, "int8": int8.write}
    kept: dict[str, Any] = artifacts.read_json(package / MANIFEST) if keep else {"models": {}, "ensembles": {}}
    sources: dict[str, tuple[Path, str | None]] = {}  # the file, and the precision to which it is converted
    ensembles: dict[str, Any] = {}
    names = []
    for source, precision in chosen:  # all that can be refused is refused before the work
        if source.suffix == registry.ENSEMBLE:
            ensembles[source.stem] = source
            names.append(source.stem)
            continue
        about = Network(source).about
        if about.precision not in ("float32", precision):
            raise FerError(f"{source} has the precision {about.precision} and can't be converted to {precision}.")
        if about.dataset != params.data.dataset:
            raise FerError(
                f"{source} is trained on {about.dataset}, and would be measured on {params.data.dataset}: that is "
                f"data.dataset in params.yaml. Set it to {about.dataset}, run `dvc repro landmarks split`, then again."
            )
        names.append(about.name)
        sources[about.name] = source, None if precision == about.precision else precision
    for name, source in ensembles.items():
        missing = [member for member in registry.members(source) if member not in sources]
        if missing:
            raise FerError(f"The ensemble {name} needs {missing[0]}: name it too.")
    names += [name for kind in ("models", "ensembles") for name in kept[kind] if name not in names]
    default = default or kept.get("default") or names[0]
    if default not in names:
        raise FerError(f"The default {default} is not one of the released models: {', '.join(names)}.")
    entries: dict[str, Any] = {}
    protocol = params.split.protocol
    with TemporaryDirectory() as folder:
        for name, (source, converted) in sources.items():
            file = Path(folder, f"{name}{registry.SUFFIX}")
            if converted is not None:
                write[converted](source, file)
            else:
                file.write_bytes(source.read_bytes())
            entries[name] = describe(file, protocol)
        for name, source in ensembles.items():
            file = Path(folder, source.name)
            file.write_bytes(source.read_bytes())
            ensembles[name] = describe_ensemble(file, protocol)
        manifest = {
            "default": default,
            "models": kept["models"] | entries,
            "ensembles": kept["ensembles"] | ensembles,
        }
        files = sorted(Path(folder).iterdir())
        with writing.transaction():
            for file in files:
                artifacts.write_bytes(package / file.name, file.read_bytes())
            artifacts.write_json(package / MANIFEST, manifest)
    released = (entry["file"] for kind in ("models", "ensembles") for entry in manifest[kind].values())
    shipped = {MANIFEST, *released}
    for file in (*package.glob(f"*{registry.SUFFIX}"), *package.glob(f"*{registry.ENSEMBLE}")):
        if file.name not in shipped:
            file.unlink()
    return manifest


def describe(file: Path, protocol: str) -> dict[str, Any]:
    """The manifest's entry of a file: what it says of itself, its hash, and its accuracy in one view."""
    network = Network(file)
    about = network.about
    return {
        "file": file.name,
        "sha256": hashing.sha256_of_file(file),
        "inputs": list(about.inputs),
        "precision": about.precision,
        **accuracies([network], protocol),
        "dataset": about.dataset,
        "weights": about.weights,
        "version": about.version,
        "licence": about.licence,
    }


def describe_ensemble(file: Path, protocol: str) -> dict[str, Any]:
    """The manifest's entry of an ensemble, whose members lie beside its file."""
    networks = registry.load([file])
    names = {name for network in networks for name in network.about.inputs}
    return {
        "file": file.name,
        "sha256": hashing.sha256_of_file(file),
        "inputs": [name for name in inputs.KINDS if name in names],
        **accuracies(networks, protocol),
        "dataset": networks[0].about.dataset,
    }


def accuracies(networks: list[Network], protocol: str) -> dict[str, float]:
    """Accuracy in one view on `val`, on `test` and on embedded `drawn` faces, of one network or of a weighted mean."""
    labels = Faces.load(paths.FACES).labels
    members = splits.members(splits.read(paths.SPLITS, len(labels)), protocol)
    values = {names: inputs.load(names, paths.DATA) for names in {network.about.inputs for network in networks}}

    def accuracy(rows: np.ndarray) -> float:
        chosen = [inputs.select(values[network.about.inputs], rows) for network in networks]
        return float((_answers(networks, chosen).argmax(axis=1) == labels[rows]).mean())

    drawn_faces = accuracy_on_drawn_faces(*networks)
    return {"val": accuracy(members["val"]), "test": accuracy(members["test"]), "drawn": drawn_faces}


def _answers(networks: Sequence[Network], values: Sequence[inputs.Arrays]) -> np.ndarray:
    """The mean of the networks' probabilities, float64 [n, 7], each with its own inputs of the same faces."""
    answers = [network.probabilities(own) for network, own in zip(networks, values, strict=True)]
    known = [inputs.known(own) for own in values]
    return averaging.mean(np.stack(answers), np.stack(known), np.array([network.share for network in networks]))


def accuracy_on_drawn_faces(*networks: Network) -> float:
    """The share of embedded drawn faces that a model, or the mean of several, names as they were meant.

    They are available everywhere, so a test can tell whether a file is the one that was released. They say little about
    people.
    """
    made = [_drawn_inputs(network.about.inputs, json.dumps(network.about.landmarks)) for network in networks]
    return float((_answers(networks, [values for values, _ in made]).argmax(axis=1) == made[0][1]).mean())


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
            raise click.BadParameter(f"{precision} is not a precision: choose from {', '.join(PRECISIONS)}.")
        given = Path(name)
        if given.suffix not in (registry.SUFFIX, registry.ENSEMBLE):
            ensemble = paths.ONNX / f"{name}{registry.ENSEMBLE}"
            given = ensemble if ensemble.is_file() else paths.ONNX / f"{name}{registry.SUFFIX}"
            if not given.is_file():
                raise click.BadParameter(f"There is no file {given}. `dvc repro export@{name}` makes that of a model.")
        chosen.append((given, precision or "float32"))
    return chosen


@click.command()
@click.argument("models", nargs=-1, required=True, callback=_parse, metavar="MODEL[:PRECISION]...")
@click.option(
    "--default",
    metavar="NAME",
    help="Default model of `fer predict`.  [default: the first MODEL; with --keep, the one so far]",
)
@click.option("--keep", is_flag=True, help="Keep the other models that are in the package.")
def main(models: list[tuple[Path, str]], default: str | None, keep: bool) -> None:
    """Copy exported models into the package and write its manifest.

    MODEL is a name in models/onnx/ or the path of an .onnx file; PRECISION is that of the stored weights:
    float32 (the default), float16 or int8. An ensemble needs all of its members to be named as well.

    \b
    python -m fer.release cnn:int8 mlp gnn transformer:float16 ensemble
    """  # noqa: D301  click needs the backspace itself
    manifest = release(models, default, keep=keep)
    for name, entry in (manifest["models"] | manifest["ensembles"]).items():
        mark = " (default)" if name == manifest["default"] else ""
        kind = entry.get("precision", "ensemble")
        click.echo(f"{name}{mark}: {kind}, val {entry['val']:.4f}, test {entry['test']:.4f}")


if __name__ == "__main__":
    main()
