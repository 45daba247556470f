"""From the pipeline's artefacts to a trained model's folder."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_only

from fer import artifacts, device, inputs, models, paths, versions, writing
from fer.config import Params
from fer.config_parts import Recipe
from fer.data import splits
from fer.data.faces import Faces
from fer.errors import FerError, SettingError
from fer.models.base import FaceModel
from fer.training import soft_labels
from fer.training.batches import TrainingData
from fer.training.calibration import fit_temperature, val_logits
from fer.training.fit import Fitted, fit

# Recorded beside a model, since other versions of these can give other digits.
LIBRARIES = ("lightning", "numpy", "timm", "torch", "torch-geometric", "torchvision")


def train(name: str, phase: str | None, params: Params, callbacks: Sequence[L.Callback] = ()) -> Fitted:
    """Train one phase of a model, and write its folder, its curves and its times.

    Args:
        name: one of `fer.models.MODELS`.
        phase: one of its phases, each of which begins with the weights of the one before; None is the last.
        params: the model's section and `train` are used.
        callbacks: of Lightning's; they are called after those that keep the checkpoint.

    Raises:
        FerError: an artefact of an earlier stage is missing, a setting can't be used, or the training can't run
            as asked.
    """
    settings, kind = params.model(name), models.network(name)
    phase = phase or kind.phases[-1]
    if phase not in kind.phases:
        raise FerError(f"{name} has no phase {phase!r}: choose from {', '.join(kind.phases)}.")
    data = load(kind.inputs)
    distill = getattr(settings, "distill", None)
    if distill is not None and distill.weight:
        taught = soft_labels.read(name, distill.teacher, data.train, len(data.labels))
        data = replace(data, soft_labels=taught)
    torch.manual_seed(params.train.seed)
    try:
        arguments = kind.arguments(settings, paths.DATA)
        network = kind(**arguments)
        network.learn_statistics(inputs.select(data.inputs, data.train), paths.DATA)
        before = _load_first_weights(network, name, phase, arguments)
        network.begin(phase, settings)
    except SettingError as error:
        raise error.of(name) from error

    folder = models.folder(name, phase)
    identity = settings.model_dump(exclude={*kind.phases, *Recipe.model_fields, "optim"} - {phase})
    curves = paths.CURVES / f"{folder}.csv"
    recipe = settings.recipe(phase)
    fitted = fit(folder, network, data, recipe, settings.augment, params.train, curves, identity, callbacks)
    about = {"name": name, "arguments": arguments, **before}
    if phase == kind.phases[-1]:
        network.load_state_dict(fitted.weights)
        logits = val_logits(network, data, torch.device(device.choose(params.train.device)))
        about["temperature"] = fit_temperature(logits, data.labels[data.val])
    _write(folder, fitted, about, before.get("epochs", 0))
    fitted.checkpoints.delete()
    return fitted


def load(names: Iterable[str]) -> TrainingData:
    """The faces of the pipeline as a model sees them, with their split.

    Args:
        names: of the inputs.
    """
    labels = Faces.load(paths.FACES).labels
    table = splits.read(paths.SPLITS, len(labels))
    rows = {split: torch.from_numpy(np.flatnonzero(table["split"] == split)) for split in ("train", "val")}
    values = inputs.to_tensors(inputs.load(names, paths.DATA))
    return TrainingData(values, torch.tensor(labels), **rows)


def _load_first_weights(network: FaceModel, name: str, phase: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Load the weights of the phase before, or the pretrained ones; returns what their config says of them."""
    at = network.phases.index(phase)
    if at:
        before = paths.MODELS / models.folder(name, network.phases[at - 1])
        earlier, config = models.load(before, name)
        if config["arguments"] != arguments:
            raise FerError(
                f"{before} was trained with {config['arguments']}, but {name} has {arguments}. Run `dvc repro`."
            )
        network.load_state_dict(earlier.state_dict())
        return {key: config[key] for key in ("epochs", "pretrained") if key in config}
    if network.starts_pretrained:
        tensors, origin = artifacts.read_model(paths.MODELS / models.weights_folder(name))
        network.load_pretrained(tensors)
        return {"pretrained": origin}
    return {}


@rank_zero_only
def _write(folder: str, fitted: Fitted, config: dict[str, Any], epochs_before: int) -> None:
    # The model's epochs count those of the phases before: together they are its training.
    epochs = {"epochs": epochs_before + fitted.epochs, "best_epoch": epochs_before + fitted.best_epoch}
    made_with = {"versions": versions.of(*LIBRARIES)}
    with writing.transaction():
        artifacts.write_json(paths.TIMES / f"{folder}.json", fitted.times)
        models.write(paths.MODELS / folder, fitted.weights, config | epochs | made_with)
