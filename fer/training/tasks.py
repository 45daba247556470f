"""From the pipeline's artefacts to a trained model's folder: one function for landmarks, one for pixels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor, nn

from fer import artifacts, models
from fer.config import Params
from fer.data.faces import Faces
from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.landmarks.symmetry import FLIP
from fer.models import inputs, pretrained
from fer.models.cnn import FaceCNN
from fer.models.gnn import LandmarkGNN
from fer.training.augment import ImageAugmentation, LandmarkAugmentation, Prepare
from fer.training.batches import Task
from fer.training.fit import Fitted, fit, forget

CURVES = Path("plots/training")
SUMMARY_FILE = "training.json"
PHASES = ("head", "partial", "full")


def phase_folder(phase: str) -> str:
    """The name of a CNN phase's model folder; the last phase's is the model itself."""
    return "cnn" if phase == "full" else f"cnn_{phase}"


def train_landmark_model(name: str, params: Params, data: Path = Path("data"), out: Path = Path("models")) -> Fitted:
    """Train `classifier`, `transformer` or `gnn` and write its folder.

    Raises:
        FerError: an artefact of an earlier stage is missing, or the training can't run as asked.
    """
    recipe = getattr(params, name)
    task = _task(torch.from_numpy(inputs.load(name, data)), data)
    torch.manual_seed(params.train.seed)
    if name == "classifier":
        arguments = {"hidden": recipe.hidden, "dropout": recipe.dropout}
    elif name == "transformer":
        keys = ("layers", "heads", "width", "dropout", "token_dropout", "neighbours")
        arguments = {key: getattr(recipe, key) for key in keys}
    else:
        graph = [
            torch.from_numpy(artifacts.read_array(data / f"graphs/{part}.npy")) for part in ("edge_index", "region")
        ]
        sizes = {"features": task.inputs.shape[-1], "layers": recipe.layers, "width": recipe.width}
        arguments = LandmarkGNN.graph_sizes(*graph) | sizes | {"dropout": recipe.dropout}
    network = models.build(name, arguments)
    if isinstance(network, LandmarkGNN):
        network.set_graph(*graph)
    network.standardize.fit(task.inputs[task.train])  # type: ignore[operator, union-attr]
    augment = LandmarkAugmentation(recipe, FLIP.tolist())
    fitted = fit(name, network, task, recipe, augment, nn.Identity(), params.train, CURVES / name, arguments)
    _write(out / name, name, arguments, fitted, {})
    forget(name)
    return fitted


def train_cnn(phase: str, params: Params, data: Path = Path("data"), out: Path = Path("models")) -> Fitted:
    """Train one phase of the CNN, each from the weights of the one before, and write its folder.

    Raises:
        FerError: as `train_landmark_model`; also, the phase before was trained with other settings.
    """
    settings = params.cnn
    task = _task(torch.from_numpy(inputs.load("cnn", data)), data)
    torch.manual_seed(params.train.seed)
    arguments = {key: getattr(settings, key) for key in ("backbone", "hidden", "dropout", "image_size")}
    network = FaceCNN(**arguments)
    earlier = {"seconds": 0.0, "epochs": 0}
    if phase == "head":
        origin = pretrained.load(network.backbone, settings.backbone, settings.weights)
    else:
        before = out / phase_folder(PHASES[PHASES.index(phase) - 1])
        weights, config = artifacts.read_model(before)
        if config["arguments"] != arguments:
            raise FerError(
                f"{before} was trained with {config['arguments']}, but cnn has {arguments}. Run `dvc repro`."
            )
        network.load_state_dict(models.rebuild(weights, config).state_dict())
        origin, earlier = config["pretrained"], artifacts.read_json(before / SUMMARY_FILE)
    network.freeze({"head": 0, "partial": settings.partial.blocks, "full": None}[phase])

    name = phase_folder(phase)
    augment = ImageAugmentation(settings.augment, settings.image_size)
    prepare = Prepare(settings.image_size)
    identity = arguments | settings.augment.model_dump()
    fitted = fit(name, network, task, settings.recipe(phase), augment, prepare, params.train, CURVES / name, identity)
    # The model's summary counts the phases before: together they are its training.
    summary = fitted.summary | {
        "seconds": round(fitted.summary["seconds"] + earlier["seconds"], 1),
        "epochs": fitted.summary["epochs"] + earlier["epochs"],
        "best_epoch": fitted.summary["best_epoch"] + earlier["epochs"],
    }
    fitted = Fitted(fitted.weights, summary)
    _write(out / name, "cnn", arguments, fitted, {"pretrained": origin})
    forget(name)
    return fitted


def _task(values: Tensor, data: Path) -> Task:
    splits = artifacts.read_table(data / "splits.csv")["split"].to_numpy(str)
    labels = Faces.load(data / "faces").labels
    rows = {split: torch.from_numpy(np.flatnonzero(splits == split)) for split in ("train", "val")}
    return Task(values, torch.from_numpy(labels), **rows)


@rank_zero_only
def _write(folder: Path, name: str, arguments: Mapping[str, Any], fitted: Fitted, extra: Mapping[str, Any]) -> None:
    artifacts.clean_folder(folder)
    artifacts.write_json(folder / SUMMARY_FILE, fitted.summary)
    config = {"name": name, "arguments": dict(arguments), "emotions": list(EMOTIONS), **extra}
    artifacts.write_model(folder, fitted.weights, config)
