"""One training from first step to best weights: the Trainer, and going on after an interruption."""

import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

from fer import config, device
from fer.config_parts import Recipe, Section
from fer.errors import FerError
from fer.models.base import FaceModel
from fer.training import checkpoints, progress_bar, rendezvous
from fer.training.batches import Batches, TrainingData
from fer.training.checkpoints import CheckpointFolder
from fer.training.keeper import AtomicCheckpointIO, Keeper, write_curves
from fer.training.module import CLASSES, Training

# Faces a step of validation on a GPU, which small batches leave idle.
GPU_VAL_BATCH = 512


@dataclass(frozen=True)
class Fitted:
    """The result of a training.

    Attributes:
        weights: the best epoch's, by val accuracy.
        epochs: how many were trained.
        best_epoch: from 1.
        times: `seconds` of all epochs, `faces_per_second` in training steps, `device`.
        checkpoints: the folder of the checkpoint, until its `delete()` is called.
    """

    weights: dict[str, Tensor]
    epochs: int
    best_epoch: int
    times: dict[str, Any]
    checkpoints: CheckpointFolder


class _Faces(L.LightningDataModule):
    """Hands the Trainer batches that lie on its device."""

    def __init__(self, data: TrainingData, size: int, seed: int, keeper: Keeper) -> None:
        super().__init__()
        self.data, self.size, self.seed, self.keeper = data, size, seed, keeper

    def setup(self, stage: str) -> None:
        """Move the faces once, for training and validation alike."""
        assert self.trainer is not None
        self.data = self.data.to(self.trainer.strategy.root_device)

    def train_dataloader(self) -> Batches:
        return self._batches(self.data.train, self.size, self.seed)

    def val_dataloader(self) -> Batches:
        on_cpu = self.data.labels.device.type == "cpu"
        return self._batches(self.data.val, self.size if on_cpu else max(self.size, GPU_VAL_BATCH), None)

    def _batches(self, rows: Tensor, size: int, seed: int | None) -> Batches:
        assert self.trainer is not None
        share = self.trainer.global_rank, self.trainer.world_size
        return Batches(self.data, rows, size, seed, *share, epoch=lambda: self.keeper.epochs)


def fit(
    name: str,
    network: FaceModel,
    data: TrainingData,
    recipe: Recipe,
    augmentation: Section,
    settings: config.Train,
    curves: Path,
    identity: Mapping[str, Any],
    callbacks: Sequence[L.Callback] = (),
) -> Fitted:
    """Train a network, from the beginning or from where an interrupted run of the same training stopped.

    Args:
        name: of the training.
        network: with its first weights.
        data: the faces.
        recipe: epochs, learning rate and so on.
        augmentation: the section `augment` of the model.
        settings: seed, device, precision, devices, nodes, strategy.
        curves: file for the curves.
        identity: the model's other settings: a checkpoint made with others is not used.
        callbacks: of Lightning's; they are called after those that keep the checkpoint.

    Raises:
        FerError: the device asked for is not there, Lightning can't train as `settings` say, or the training
            diverged.
    """
    _quiet()
    chosen = {"device": device.choose(settings.device), "precision": precision(settings)}
    train = settings.model_dump(exclude={"device", "precision", "strategy"}) | chosen
    titles = {"recipe": recipe.model_dump(), "set of the model's other settings": identity, "section train": train}
    folder = checkpoints.folder_for(name, network, data, titles)
    keeper = Keeper(folder.checkpoint, curves, settings.seed, recipe.patience)
    # Before anything is read or written: only the Trainer tells the processes of several machines apart.
    trainer = _trainer(settings, recipe, [keeper, progress_bar.report(), *callbacks])
    resumed = folder.resume(keeper)

    # With deterministic algorithms torch also fills every new tensor, which costs time and finds only bugs.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    module = Training(network, recipe, augmentation, class_weight(data, recipe.class_weights))
    if not (keeper.epochs >= recipe.epochs or keeper.out_of_patience):
        faces = _Faces(data, recipe.batch_size, settings.seed, keeper)
        checkpoint = folder.checkpoint if resumed else None
        with rendezvous.partners(trainer):
            trainer.fit(module, datamodule=faces, ckpt_path=checkpoint, weights_only=True)
    else:
        # It was finished before, but not written: DVC has deleted the curves since.
        rank_zero_only(write_curves)(curves, keeper.history)
    trained_faces = keeper.epochs * len(data.train)
    times = {
        "seconds": round(keeper.seconds, 1),
        "faces_per_second": round(trained_faces / max(keeper.training_seconds, 1e-9), 1),
        "device": _device_name(trainer),
    }
    return Fitted(keeper.best_weights, keeper.epochs, keeper.best_epoch, times, folder)


def _trainer(settings: config.Train, recipe: Recipe, callbacks: list[L.Callback]) -> L.Trainer:
    chosen = device.choose(settings.device)
    try:
        return L.Trainer(
            accelerator={"cuda": "gpu"}.get(chosen, chosen),
            devices=settings.devices,
            num_nodes=settings.nodes,
            strategy=settings.strategy,
            precision=precision(settings),
            max_epochs=recipe.epochs,
            gradient_clip_val=recipe.grad_clip or None,
            callbacks=callbacks,
            enable_progress_bar=False,
            plugins=[AtomicCheckpointIO()],
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            # Where a GPU has no deterministic kernel, a warning is better than no training.
            deterministic="warn",
        )
    except (MisconfigurationException, ValueError, ImportError) as error:
        asked = f"train.devices {settings.devices}, .nodes {settings.nodes}, .strategy {settings.strategy}"
        reason = " ".join(str(error).split())[:200]
        raise FerError(f"{asked}: this can't be had here ({reason}). 1, 1 and auto always can.") from error


def class_weight(data: TrainingData, power: float) -> Tensor:
    """Weight of each class in the loss, float [7]: inverse frequency in train to `power`, mean 1 over the faces."""
    counts = torch.bincount(data.labels[data.train], minlength=CLASSES).float()
    weight = (counts.sum() / counts.clamp(min=1)) ** power
    return weight * counts.sum() / (weight * counts).sum()


def precision(settings: config.Train) -> Any:
    """Lightning's precision: `auto` is bf16 where the training runs on a GPU that has it, else float32.

    Raises:
        FerError: float16 without a GPU, which Lightning would take for bf16.
    """
    on_gpu = device.choose(settings.device) == "cuda"
    if settings.precision == "16-mixed" and not on_gpu:
        raise FerError("train.precision = 16-mixed needs a CUDA device. Choose auto, 32-true or bf16-mixed.")
    if settings.precision != "auto":
        return settings.precision
    return "bf16-mixed" if on_gpu and torch.cuda.is_bf16_supported() else "32-true"


def _device_name(trainer: L.Trainer) -> str:
    root = trainer.strategy.root_device
    name = torch.cuda.get_device_name(root) if root.type == "cuda" else root.type
    return f"{trainer.world_size} x {name}" if trainer.world_size > 1 else name


def _quiet() -> None:
    """Leave out Lightning's advice on what this project does on purpose."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",
        ".*available but not used.*",
        ".*lr_scheduler.step.*",
        ".*in eval mode at the start.*",
        ".*LeafSpec.*",
    ):
        warnings.filterwarnings("ignore", message)
