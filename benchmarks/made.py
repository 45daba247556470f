"""What the parts have in common: drawn faces, random points, networks with random weights, and a bare step."""

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fer import artifacts, inputs, models, paths
from fer.config import Params
from fer.data import drawn
from fer.emotions import EMOTIONS
from fer.landmarks import topology
from fer.landmarks.graphs import Graph
from fer.models import fusion
from fer.models.base import FaceModel
from fer.sizes import POINTS
from fer.training.batches import TrainingData

_DIFFERENT = 140  # drawn faces; more are copies of these


@functools.cache
def _drawn() -> np.ndarray:
    return drawn.draw(_DIFFERENT, seed=0).images


def pixels(count: int) -> np.ndarray:
    """Drawn faces, uint8 [count, 48, 48]."""
    return np.resize(_drawn(), (count, *_drawn().shape[1:]))


def points(count: int) -> np.ndarray:
    """Random landmarks, float32 [count, 478, 3]."""
    found = np.random.default_rng(0).standard_normal((count, POINTS, 3), np.float32)
    found *= 0.3
    return found


MAKERS = {"pixels": pixels, "landmarks": points}
"""By the name of the input."""


def labels(count: int) -> torch.Tensor:
    """Classes in turn, int64 [count]."""
    return torch.arange(count) % len(EMOTIONS)


def data(names: Iterable[str], train: int, val: int = 0) -> TrainingData:
    """Faces to train on and to validate on, as a model of these inputs sees them."""
    values = inputs.to_tensors({name: MAKERS[name](train + val) for name in names})
    rows = torch.arange(train + val)
    return TrainingData(values, labels(train + val), rows[:train], rows[train:])


def write_graph(params: Params, folder: Path = paths.GRAPHS) -> None:
    """Write the graph of the settings, on a random mean face."""
    mean = points(1)[0]
    Graph(topology.build(params.graphs.edges, params.graphs.neighbours, mean), topology.regions(), mean).save(folder)


def write_parts(params: Params, folder: Path = paths.MODELS) -> None:
    """Write which networks the fusion consists of: those of the settings."""
    arguments = {name: models.network(name).arguments(params.model(name), paths.DATA) for name in fusion.PARTS}
    artifacts.write_json(folder / fusion.START.name / artifacts.CONFIG_FILE, {"arguments": arguments})


def network(name: str, settings: Any) -> FaceModel:
    """A network in training mode with random weights, as `settings`, the model's section, has it.

    The graph and the parts of the fusion must have been written.
    """
    kind = models.network(name)
    torch.manual_seed(0)
    made = kind(**kind.arguments(settings, paths.DATA))
    made.learn_statistics(inputs.to_tensors({own: MAKERS[own](64) for own in kind.inputs}), paths.DATA)
    return made.train()


def learn(logits: torch.Tensor, targets: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
    """A training step as it is first written, after the network has answered.

    Args:
        logits: float [B, 7].
        targets: classes, int64 [B].
        optimizer: of the network.
    """
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(logits, targets).backward()
    optimizer.step()


def changed(section: Any, **values: Any) -> Any:
    """A copy of a section of the settings with other values, checked."""
    return type(section).model_validate(section.model_dump() | values)
