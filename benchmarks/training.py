"""Training and validation of every model: a bare float32 loop beside `fer.training.fit` with the settings as set."""

import copy
import functools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from benchmarks import made
from benchmarks.measure import MOST, TOP, TRAIN_FACES, VAL_FACES, Bench, Row, compared, single
from fer import artifacts, models, paths
from fer.depthwise import FastDepthwiseGradients
from fer.models.base import FaceModel
from fer.models.cnn import IMAGENET_MEAN, IMAGENET_STD, FaceCNN
from fer.training import fit as fitting
from fer.training.keeper import Keeper

PIECE = 1.2  # seconds that one turn of the plain loop is to take
MOST_STEPS = 400
SETTINGS = ("precision", "compile")
LARGE = 224  # pixels: the size of the work that this project starts from, measured on a GPU
ORIGINAL_EPOCHS = 100  # and its epochs, in three phases (docs/pipeline.md)


@dataclass(frozen=True)
class Speeds:
    """Faces a second of one phase, a number for each turn."""

    plain: list[float]
    train: list[float]
    val: list[float]


def rows(bench: Bench) -> Iterator[Row]:
    """The speeds of each model's phases, and what they make of FER2013."""
    chosen = [(name, bench.params.model(name), "") for name in models.MODELS]
    if bench.device == "cuda":
        wide = [(name, own) for name, own, _ in chosen if hasattr(own, "backbone")]
        large = [(name, made.changed(own, image_size=LARGE), f"_{LARGE}") for name, own in wide]
        chosen += large
    share = bench.seconds / sum(len(models.network(name).phases) for name, _, _ in chosen)
    for name, settings, suffix in chosen:
        *earlier, last = models.network(name).phases
        found = {}
        for phase in (*earlier, last):
            key = f"{models.folder(name, phase)}{suffix}"
            work = f"{name}{f' at {_size(settings)} px' if _size(settings) else ''}{f', phase {phase}' * bool(earlier)}"
            found[phase] = measure(bench, name, settings, phase, share)
            how = ", ".join(f"train.{key} {value}" for key, value in bench.params.train if key in SETTINGS)
            note = f"plain: the network alone on one ready batch; ours with all that a training does, {how}"
            yield compared(
                f"training.{key}", f"{work}, training", "faces/s", found[phase].plain, found[phase].train, note
            )
        yield single(
            f"validation.{key}", f"{name}{suffix.replace('_', ' at ')}, validation", "faces/s", found[last].val
        )
        yield from times(name, settings, found, suffix)


def times(name: str, settings: Any, found: dict[str, Speeds], suffix: str) -> Iterator[Row]:
    """What the speeds of a model's phases make of FER2013."""
    last = list(found)[-1]
    each = {phase: [sum(pair) for pair in zip(*seconds(own), strict=True)] for phase, own in found.items()}
    computed = "computed from the speeds, for FER2013's faces"
    if suffix:
        minutes = [ORIGINAL_EPOCHS * own / 60 for own in each[last]]
        work = f"{ORIGINAL_EPOCHS} epochs of {name} at {LARGE} px, all layers learning"
        yield single(f"whole.{name}{suffix}", work, "min", minutes, computed)
        return
    yield single(f"epoch.{name}", f"{name}, an epoch with its validation", "s", each[last], computed)
    epochs = {phase: settings.recipe(phase).epochs for phase in found}
    turns = zip(*([count * own / 60 for own in each[phase]] for phase, count in epochs.items()), strict=False)
    note = f"{computed}, {sum(epochs.values())} epochs; {_recorded(name, list(found))}"
    yield single(f"whole.{name}", f"{name}, whole training", "min", [sum(turn) for turn in turns], note)


def seconds(found: Speeds) -> tuple[list[float], list[float]]:
    """The seconds that an epoch's steps and its validation take on FER2013, in each turn."""
    return [TRAIN_FACES / speed for speed in found.train], [VAL_FACES / speed for speed in found.val]


def measure(bench: Bench, name: str, settings: Any, phase: str, share: float) -> Speeds:
    """Let the plain loop and the epochs of a training take turns.

    Args:
        bench: says where.
        name: of the model.
        settings: its section.
        phase: of its training.
        share: seconds.
    """
    network = made.network(name, settings)
    network.begin(phase, settings)
    recipe = settings.recipe(phase)
    batch = 4 if bench.quick else recipe.batch_size
    step = plain_step(bench, copy.deepcopy(network), batch)
    step()
    took = bench.clock(step)()
    steps = 2 if bench.quick else max(2, min(MOST_STEPS, TRAIN_FACES // batch, round(PIECE / took)))
    count = steps * batch

    def plain_turn() -> float:
        with _default_algorithms():
            return bench.speed(lambda: [step() for _ in range(steps)], count)()

    turns = bench.least if bench.quick else MOST
    found = Speeds([], [], [])
    clock = _clock(bench, plain_turn, found, count, time.perf_counter() + share)
    recipe = made.changed(recipe, epochs=1 + turns, batch_size=batch, patience=0)
    folder = models.folder(name, phase)
    data = made.data(network.inputs, count, count)
    with mock.patch.object(fitting, "Keeper", clock), FastDepthwiseGradients():
        fitted = fitting.fit(
            folder, network, data, recipe, settings.augment, bench.params.train, Path(f"{folder}.csv"), {}
        )
    fitted.checkpoints.delete()
    return Speeds(found.plain[1:], found.train[1:], found.val[1:])  # the first turn warms up, or compiles


def plain_step(bench: Bench, network: FaceModel, batch: int) -> Callable[[], None]:
    """One step in float32 as it is first written: no compiling, no other layout in memory, the input ready."""
    network.to(bench.device)
    values = made.data(network.inputs, batch).to(torch.device(bench.device))
    forward: Callable[[], Tensor] = functools.partial(network, **values.inputs)
    if isinstance(network, FaceCNN):
        size = network.image_size
        pictures = (torch.rand(batch, 3, size, size, device=bench.device) - IMAGENET_MEAN) / IMAGENET_STD
        forward = functools.partial(nn.Sequential(network.backbone, network.head), pictures)
    optimizer = torch.optim.AdamW([own for own in network.parameters() if own.requires_grad])
    return lambda: made.learn(forward(), values.labels, optimizer)


def _clock(bench: Bench, plain_turn: Callable[[], float], found: Speeds, count: int, until: float) -> type[Keeper]:
    """The training's keeper, which also measures each epoch, after a turn of the plain loop."""

    class Clock(Keeper):
        def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
            found.plain.append(plain_turn())
            super().on_train_epoch_start(trainer, module)
            bench.wait()
            self.began = time.perf_counter()

        def on_validation_start(self, trainer: Any, module: Any) -> None:
            bench.wait()
            found.train.append(count / (time.perf_counter() - self.began))
            super().on_validation_start(trainer, module)
            self.began = time.perf_counter()

        def on_validation_end(self, trainer: Any, module: Any) -> None:
            bench.wait()
            found.val.append(count / (time.perf_counter() - self.began))
            super().on_validation_end(trainer, module)

        def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
            super().on_train_epoch_end(trainer, module)
            if self.epochs > bench.least and time.perf_counter() > until:
                trainer.should_stop = True

    return Clock


@contextmanager
def _default_algorithms() -> Iterator[None]:
    """Let torch choose its algorithms as it does by default: our trainings ask for reproducible and faster ones."""
    asked = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    try:
        with torch._C.DisableTorchFunction():
            yield
    finally:
        torch.use_deterministic_algorithms(asked, warn_only=True)


def _size(settings: Any) -> int | None:
    return getattr(settings, "image_size", None)


def _recorded(name: str, phases: Sequence[str]) -> str:
    """How long the training took that metrics/times/ tells of."""
    files = [TOP / paths.TIMES / f"{models.folder(name, phase)}.json" for phase in phases]
    if not all(file.is_file() for file in files):
        return "no training is recorded in metrics/times/"
    known = [artifacts.read_json(file) for file in files]
    minutes = sum(own["seconds"] for own in known) / 60
    return f"{minutes:.1f} min when it was last trained (metrics/times/, on {known[-1]['device']})"
