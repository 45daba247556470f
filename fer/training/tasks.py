"""From the pipeline's artefacts to a trained model's folder."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_only

from fer import artifacts, models, writing
from fer.config import Params, Recipe
from fer.data import splits
from fer.data.faces import Faces
from fer.errors import FerError, SettingError
from fer.models import inputs
from fer.models.base import FaceModel
from fer.training.batches import Task
from fer.training.fit import Fitted, fit

DATA, MODELS = Path("data"), Path("models")
CURVES, TIMES = Path("plots/curves"), Path("metrics/times")


def train(name: str, phase: str | None, params: Params) -> Fitted:
    """Train one phase of a model, and write its folder, its curves and its times.

    Args:
        name: one of `fer.models.MODELS`.
        phase: one of its phases, each of which begins with the weights of the one before; None is the last.
        params: the model's section and `train` are used.

    Raises:
        FerError: an artefact of an earlier stage is missing, a setting can't be used, or the training can't run
            as asked.
    """
    settings, kind = params.model(name), models.network(name)
    phase = phase or kind.phases[-1]
    if phase not in kind.phases:
        raise FerError(f"{name} has no phase {phase!r}: choose from {', '.join(kind.phases)}.")
    task = load_task(kind.sees)
    torch.manual_seed(params.train.seed)
    try:
        arguments = kind.arguments(settings, DATA)
        network = kind(**arguments)
        network.learn_statistics(task.inputs[task.train], DATA)
        before = _take_over(network, name, phase, arguments)
        network.begin(phase, settings)
    except SettingError as error:
        raise error.of(name) from error

    folder = models.folder(name, phase)
    recipe, augment = settings.recipe(phase), kind.augmentation(settings)
    recipe = Recipe(**recipe.model_dump(include=set(Recipe.model_fields)))
    identity = settings.model_dump(exclude=(set(kind.phases) - {phase}) | set(Recipe.model_fields))
    curves = CURVES / f"{folder}.csv"
    fitted = fit(folder, network, task, recipe, augment, params.train, curves, identity)
    _write(folder, fitted, {"name": name, "arguments": arguments, **before}, before.get("epochs", 0))
    fitted.place.forget()
    return fitted


def load_task(sees: str) -> Task:
    """The faces of the pipeline, as a model sees them, with their split.

    Args:
        sees: `pixels` or `landmarks`.
    """
    labels = Faces.load(DATA / "faces").labels
    table = splits.read(DATA / "splits.csv", len(labels))
    rows = {split: torch.from_numpy(np.flatnonzero(table["split"] == split)) for split in ("train", "val")}
    return Task(torch.from_numpy(inputs.load(sees, DATA)), torch.from_numpy(labels), **rows)


def _take_over(network: FaceModel, name: str, phase: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Begin with the weights of the phase before, or the pretrained ones; what its config says of them."""
    at = network.phases.index(phase)
    if at:
        before = MODELS / models.folder(name, network.phases[at - 1])
        earlier, config = models.load(before)
        if config["arguments"] != arguments:
            raise FerError(
                f"{before} was trained with {config['arguments']}, but {name} has {arguments}. Run `dvc repro`."
            )
        network.load_state_dict(earlier.state_dict())
        return {key: config[key] for key in ("epochs", "pretrained") if key in config}
    if network.starts_pretrained:
        tensors, origin = artifacts.read_model(MODELS / models.weights_folder(name))
        network.load_pretrained(tensors)
        return {"pretrained": origin}
    return {}


@rank_zero_only
def _write(folder: str, fitted: Fitted, config: dict[str, Any], epochs_before: int) -> None:
    # The model's epochs count those of the phases before: together they are its training.
    epochs = {"epochs": epochs_before + fitted.epochs, "best_epoch": epochs_before + fitted.best_epoch}
    with writing.transaction():
        artifacts.write_json(TIMES / f"{folder}.json", fitted.times)
        models.write(MODELS / folder, fitted.weights, config | epochs)
