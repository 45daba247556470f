"""Building a model by its name, writing its folder and reading it.

A model is one file here and one section of `params.yaml`; docs/architecture.md says how to add one.
"""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fer import artifacts, writing
from fer.config import networks
from fer.emotions import EMOTIONS
from fer.errors import FerError

if TYPE_CHECKING:
    from torch import Tensor

    from fer.models.base import FaceModel

# Named, not imported: one model needs neither the others' libraries nor their loading time.
MODELS: Final = networks()
"""Module and class of each model's network; the order is that of every table."""


def network(name: str) -> "type[FaceModel]":
    """The class of the model `name`.

    Raises:
        KeyError: there is no such model.
    """
    module, _, class_name = MODELS[name].partition(":")
    found: type[FaceModel] = getattr(importlib.import_module(module), class_name)
    return found


def folder(name: str, phase: str) -> str:
    """The name of a phase's folder in `models/`; the last phase's is the model itself."""
    return name if phase == network(name).phases[-1] else f"{name}_{phase}"


def weights_folder(name: str) -> str:
    """The name of the folder with the pretrained weights that the model's first phase begins with."""
    return f"{name}_weights"


def write(path: Path, weights: "Mapping[str, Tensor]", config: Mapping[str, Any]) -> None:
    """Write a trained model's folder.

    Args:
        path: the folder; emptied first.
        weights: the network's state.
        config: `name`, the constructor's `arguments`, and whatever else is to be known of the training.
    """
    with writing.transaction():
        artifacts.write_model(writing.clean_folder(path), weights, {**config, "emotions": list(EMOTIONS)})


def load(path: Path | str, expected: str) -> "tuple[FaceModel, dict[str, Any]]":
    """Rebuild a trained network, in evaluation mode, and read its config.

    Args:
        path: the model's folder.
        expected: the name of the model that must be in it.

    Raises:
        FerError: the folder is missing or damaged, holds another model, or was trained with other emotions
            or in another order.
    """
    weights, config = artifacts.read_model(path)
    again = f"Delete {path} and run `dvc repro`."
    with artifacts.validating(Path(path, artifacts.CONFIG_FILE)):
        name, arguments, emotions = config["name"], dict(config["arguments"]), config["emotions"]
        temperature = float(config.get("temperature", 1))
    if emotions != list(EMOTIONS):
        raise FerError(f"{path} answers with other emotions, or in another order ({emotions}). {again}")
    if name != expected:
        raise FerError(f"{path} holds the model {str(name)!r} instead of {expected}. {again}")
    try:
        import torch

        kind = network(name)
        with torch.device("meta"):  # without memory: what does not fit the weights may be of any size
            kind(**arguments).load_state_dict(weights, assign=True)
        model = kind(**arguments)
        model.load_state_dict(weights)
    except (RuntimeError, LookupError, TypeError, ValueError, AssertionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FerError(f"The weights in {path} do not fit its config.json ({reason}). {again}") from error
    model.temperature = temperature
    return model.eval(), config


def parameter_count(model: "FaceModel") -> int:
    """The number of learnable values."""
    return sum(parameter.numel() for parameter in model.parameters())
