"""A variant of a model: its whole training with other settings, in a folder of its own beside the pipeline's results.

`fer.seeds` and `fer.tune` train many of them. They are no experiments of DVC's: those work in a temporary checkout that
is deleted when they stop, the checkpoint with it; they put the uncommitted changes of the working tree aside for a
moment and leave new files out; and each starts from the code as it is at that time. DVC only says here what decides a
training's result, so that a variant is known by its causes.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from fer import artifacts, check, commands, config_file, hashing, models, paths, writing
from fer.config import Params
from fer.errors import FerError
from fer.models import pretrained

if TYPE_CHECKING:
    import lightning as L

_SEED = "train.seed"
_SHARED = ("train", "evaluate")


@dataclass(frozen=True)
class Causes:
    """What decides the result of training and evaluating a model, but for the seed.

    Attributes:
        settings: values by their dotted keys.
        files: digests of code and data, by their path.
    """

    settings: dict[str, Any]
    files: dict[str, str]

    def check(self, name: str, changed: Iterable[str]) -> None:
        """Refuse settings of the graph for a model that has none.

        Args:
            name: of the model.
            changed: the settings that were changed, by their dotted keys.

        Raises:
            FerError: names the first.
        """
        for key in changed:
            if key not in self.settings and key.partition(".")[0] not in _SHARED:
                raise FerError(f"-S {key}: the {name} does not depend on it.")

    def key(self, without: Sequence[str] = ()) -> str:
        """A short digest.

        Args:
            without: settings that are left out, by their dotted keys.
        """
        settings = {key: value for key, value in self.settings.items() if key not in without}
        return hashing.sha256(repr([sorted(settings.items()), sorted(self.files.items())]).encode())[:12]


def changed(name: str, assignments: Sequence[str], found: Params) -> tuple[Params, dict[str, Any]]:
    """Settings with other values for one model.

    Args:
        name: of the model.
        assignments: as `dvc exp run -S` takes them: `mlp.lr=0.002`.
        found: the settings of `params.yaml`.

    Returns:
        The settings, and the new values by their dotted keys.

    Raises:
        FerError: a value is no good, or belongs to a stage before the training: the data are as `params.yaml` says.
    """
    params, values = config_file.change(found, assignments)
    for key in values:
        if key.partition(".")[0] not in (name, "graphs", *_SHARED) or key == _SEED:
            raise FerError(
                f"-S {key}: only {name}.*, graphs.*, train.* but the seed, and evaluate.* can be changed here."
            )
    if params.train.devices * params.train.nodes > 1:
        raise FerError("This trains in one process: set train.devices and train.nodes to 1.")
    return params, values


@dataclass(frozen=True)
class Needs:
    """What training and evaluating a model depends on, whatever its settings.

    Attributes:
        keys: of settings, dotted; a section stands for all that is in it.
        files: digests of code and data, by their path.
    """

    keys: frozenset[str]
    files: dict[str, str]

    def causes(self, params: Params) -> Causes:
        """What decides the result with some settings."""
        values = config_file.flat(params)
        chosen = [key for key in values if key != _SEED and any(f"{key}.".startswith(f"{used}.") for used in self.keys)]
        return Causes({key: values[key] for key in chosen}, self.files)


def causes(name: str, params: Params) -> Causes:
    """What decides the result of a model, as `needs` asks DVC.

    Args:
        name: of the model.
        params: its settings.

    Raises:
        FerError: as `needs`.
    """
    return needs(name).causes(params)


def needs(name: str) -> Needs:
    """Ask DVC what a model depends on, and make sure that the data it reads are up to date.

    Args:
        name: of the model.

    Raises:
        FerError: a stage before the training would run first, or DVC can't tell.
    """
    import networkx  # type: ignore[import-untyped]
    from dvc.dependency import ParamsDependency

    # DVC answers one process at a time, and several of ours may start at once.
    with writing.alone("dvc"), check.dvc() as repo:
        last = next((stage for stage in repo.index.stages if stage.addressing == f"evaluate@{name}"), None)
        if last is None:
            raise FerError(f"dvc.yaml has no entry {name} under `models`.")
        waiting = check.running(repo, last.addressing)
        needed = {last, *networkx.descendants(repo.index.graph, last)}
        # The stages that are the model's own; what they read comes from the others.
        phases = [f"train_phase@{models.folder(name, phase)}" for phase in models.network(name).phases[:-1]]
        addresses = {f"train@{name}", f"evaluate@{name}", *phases}
        own = {stage for stage in needed if stage.addressing in addresses}
        stale = sorted(stage.addressing for stage in needed - own if stage in waiting)
        if stale:
            raise FerError(
                f"What the {name} reads is not up to date: run `dvc repro {' '.join(stale)}` first. If an edit there "
                f"changes no result, `dvc commit -f {' '.join(stale)}` says so."
            )
        keys = {key for stage in needed for dep in stage.deps for key in getattr(dep, "params", ())}
        made = {out.def_path for stage in own for out in stage.outs}
        read = {dep.def_path: dep for stage in own for dep in stage.deps if not isinstance(dep, ParamsDependency)}
        read = {path: dep for path, dep in read.items() if path not in made}
        missing = [path for path, dep in read.items() if not dep.exists]
        if missing:
            raise FerError(f"{missing[0]} is missing. Run `dvc checkout`, `dvc pull` or `dvc repro`.")
        files = {path: str(dep.get_hash().value) for path, dep in read.items()}
    return Needs(frozenset(keys), files)


@contextmanager
def folder(path: Path, name: str, params: Params, found: Params) -> Iterator[None]:
    """Work in a folder of its own, which reads the pipeline's data and holds its own results.

    Args:
        path: the folder, relative to the project's top; made where it is missing.
        name: of the model.
        params: its settings.
        found: those of `params.yaml`.

    Raises:
        Busy: another process works there.
    """
    top = Path.cwd()
    path.mkdir(parents=True, exist_ok=True)
    weights = paths.MODELS / models.weights_folder(name)
    other_graph = params.graphs != found.graphs
    own = [paths.PREDICTIONS, paths.GRAPHS] if other_graph else [paths.PREDICTIONS]
    links = [item for item in paths.DATA.iterdir() if item not in own]
    if weights.exists() and _pretrained(name, params) == _pretrained(name, found):
        links.append(weights)
    elif weights.exists() and not (path / weights).exists():
        pretrained.write_folder(name, params, path / paths.MODELS)
    os.chdir(path)
    try:
        with commands.exclusive("variant", f"The training in {path}"), writing.temporary_files_in(commands.TEMPORARY):
            for item in links:
                _link(top / item, item)
            artifacts.write_text("params.yaml", yaml.safe_dump(params.model_dump(), sort_keys=False))
            if other_graph:
                from fer.data import splits
                from fer.landmarks import graphs
                from fer.landmarks.extract import FaceLandmarks

                landmarks = FaceLandmarks.load(paths.LANDMARKS)
                graph = graphs.make(landmarks, splits.read(paths.SPLITS, len(landmarks)), params.graphs)
                with writing.transaction():
                    graph.save(paths.GRAPHS)
            yield
    finally:
        os.chdir(top)


def train(name: str, params: Params, callbacks: "Callable[[str], Sequence[L.Callback]]" = lambda _: ()) -> float:
    """Train a model in the current folder, all phases that are not finished.

    Args:
        name: of the model.
        params: its settings.
        callbacks: of Lightning's, for a phase by its name.

    Returns:
        The best epoch's accuracy on val in one view, of the last phase.
    """
    from fer.training import tasks

    commands.records_itself()
    for phase in models.network(name).phases:
        trained = paths.MODELS / models.folder(name, phase) / artifacts.CONFIG_FILE
        if not trained.exists():
            tasks.train(name, phase, params, callbacks(phase))
    curves = artifacts.read_table(paths.CURVES / f"{name}.csv")
    return float(curves.loc[curves["split"] == "val", "accuracy"].max())


def _pretrained(name: str, params: Params) -> tuple[Any, ...]:
    """The settings of the stage that fetches pretrained weights."""
    return tuple(getattr(params.model(name), key, None) for key in ("backbone", "weights"))


def _link(target: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)
