"""One training from first step to best weights: the Trainer, and going on after an interruption."""

import hashlib
import json
import logging
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor, nn

from fer import artifacts, config, device
from fer.errors import FerError
from fer.training import progress
from fer.training.batches import Batches, Task
from fer.training.keeper import AtomicCheckpointIO, Keeper
from fer.training.module import CLASSES, Training

# Not a DVC output: DVC deletes a stage's outputs before it runs the stage again, and these must survive that.
WORK = Path(".cache/training")
EVALUATION_BATCH = 256


@dataclass(frozen=True)
class Fitted:
    """The result of a training.

    Attributes:
        weights: the best epoch's, by val accuracy.
        summary: `seconds`, `epochs`, `best_epoch` (from 1), `faces_per_second` (in training steps), `device`.
    """

    weights: dict[str, Tensor]
    summary: dict[str, Any]


class _Faces(L.LightningDataModule):
    """Hands the Trainer batches that lie on its device."""

    def __init__(self, task: Task, size: int, seed: int, keeper: Keeper) -> None:
        super().__init__()
        self.task, self.size, self.seed, self.keeper = task, size, seed, keeper

    def train_dataloader(self) -> Batches:
        return self._batches(self.task.train, self.size, self.seed)

    def val_dataloader(self) -> Batches:
        return self._batches(self.task.val, EVALUATION_BATCH, None)

    def _batches(self, rows: Tensor, size: int, seed: int | None) -> Batches:
        assert self.trainer is not None
        place = self.trainer.strategy.root_device, seed, self.trainer.global_rank, self.trainer.world_size
        return Batches(self.task, rows, size, *place, epoch=lambda: self.keeper.epochs)


def fit(
    name: str,
    network: nn.Module,
    task: Task,
    recipe: config.Recipe,
    augment: nn.Module,
    prepare: nn.Module,
    settings: config.Train,
    curves: Path,
    identity: Mapping[str, Any],
) -> Fitted:
    """Train a network, from the beginning or from where an interrupted run of the same training stopped.

    Args:
        name: of the training; its checkpoint lies in `.cache/training/<name>` until `forget` is called.
        network: with its first weights.
        task: the faces.
        recipe: epochs, learning rate and so on.
        augment: training inputs to network inputs, at random.
        prepare: validation inputs to network inputs.
        settings: seed, device, precision, devices, nodes, strategy.
        curves: folder for DVCLive's curves.
        identity: whatever else makes this training what it is: a checkpoint made with another is not used.

    Raises:
        FerError: the device asked for is not there, Lightning can't train as `settings` say, or the training
            diverged.
    """
    _quiet()
    work = WORK / name
    checkpoint = work / "last.ckpt"
    mark = _fingerprint(network, task, recipe, settings, identity)
    keeper = Keeper(checkpoint, curves, settings.seed, recipe.patience)
    resumed = _resume(work, checkpoint, mark, keeper)

    # With deterministic algorithms torch also fills every new tensor, which costs time and finds only bugs.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    module = Training(network, recipe, augment, prepare, class_weight(task, recipe.class_weights))
    trainer = _trainer(settings, recipe, keeper)
    if not (keeper.epochs >= recipe.epochs or keeper.out_of_patience):
        data = _Faces(task, recipe.batch_size, settings.seed, keeper)
        trainer.fit(module, datamodule=data, ckpt_path=checkpoint if resumed else None, weights_only=True)
        if trainer.interrupted:
            raise KeyboardInterrupt
    faces = keeper.epochs * len(task.train)
    return Fitted(
        keeper.best_weights,
        {
            "seconds": round(keeper.seconds, 1),
            "epochs": keeper.epochs,
            "best_epoch": keeper.best_epoch,
            "faces_per_second": round(faces / max(keeper.training_seconds, 1e-9), 1),
            "device": _device_name(trainer),
        },
    )


def _trainer(settings: config.Train, recipe: config.Recipe, keeper: Keeper) -> L.Trainer:
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
            callbacks=[keeper, progress.reporter()],
            enable_progress_bar=progress.in_terminal(),
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


@rank_zero_only
def forget(name: str) -> None:
    """Delete the checkpoint of a training whose result is safely written."""
    shutil.rmtree(WORK / name, ignore_errors=True)


def class_weight(task: Task, power: float) -> Tensor:
    """Weight of each class in the loss, float [7]: inverse frequency in train to `power`, mean 1 over the faces."""
    counts = torch.bincount(task.labels[task.train], minlength=CLASSES).float()
    weight = (counts.sum() / counts.clamp(min=1)) ** power
    return weight * counts.sum() / (weight * counts).sum()


def precision(settings: config.Train) -> Any:
    """Lightning's precision: `auto` is bf16 where the training runs on a GPU that has it, else float32."""
    if settings.precision != "auto":
        return settings.precision
    on_gpu = device.choose(settings.device) == "cuda"
    return "bf16-mixed" if on_gpu and torch.cuda.is_bf16_supported() else "32-true"


def _resume(work: Path, checkpoint: Path, mark: str, keeper: Keeper) -> bool:
    """Whether there is a checkpoint of this very training; its memory goes into `keeper`."""
    note = work / "training.txt"
    if checkpoint.is_file() and note.is_file() and note.read_text() == mark:
        try:
            state = torch.load(checkpoint, weights_only=True, map_location="cpu")
            keeper.load_state_dict(state["callbacks"][keeper.state_key])
        except Exception as error:  # whatever torch says of a damaged file, the cure is the same
            print(f"The checkpoint {checkpoint} can't be used ({error}): starting from the beginning.", flush=True)
        else:
            print(f"Going on after epoch {keeper.epochs}, from {checkpoint}.", flush=True)
            return True
    _begin(work, note, mark)
    return False


@rank_zero_only
def _begin(work: Path, note: Path, mark: str) -> None:
    artifacts.clean_folder(work)
    artifacts.write_text(note, mark)


def _fingerprint(
    network: nn.Module,
    task: Task,
    recipe: config.Recipe,
    settings: config.Train,
    identity: Mapping[str, Any],
) -> str:
    """A digest of all that decides how a training goes: code, data, first weights and settings."""
    digest = hashlib.blake2b(digest_size=16)
    package = Path(__file__).parents[1]
    for source in sorted((package / "training").glob("*.py")) + sorted((package / "models").glob("*.py")):
        digest.update(source.read_bytes())
    for tensor in (task.inputs, task.labels, task.train, task.val, *network.state_dict().values()):
        digest.update(memoryview(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()))
    plain = [recipe.model_dump(), settings.model_dump(), dict(identity), torch.__version__]
    digest.update(json.dumps(plain, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _device_name(trainer: L.Trainer) -> str:
    place = trainer.strategy.root_device
    name = torch.cuda.get_device_name(place) if place.type == "cuda" else place.type
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
