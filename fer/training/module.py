"""The LightningModule that trains every model: the networks themselves are plain modules."""

import os
import shutil
from collections.abc import Callable
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy

from fer import inputs
from fer.config_parts import Recipe, Section
from fer.emotions import EMOTIONS
from fer.models.base import FaceModel
from fer.training import losses
from fer.training.batches import Batch
from fer.training.cuda_graphs import GraphedNetwork
from fer.training.mixup import mixup
from fer.training.moving_average import MovingAverage

CLASSES = len(EMOTIONS)


class Training(L.LightningModule):
    """Cross-entropy or focal loss with mixup and label smoothing, AdamW, a rate schedule and averaged weights.

    Logs train/loss, train/accuracy (of the heavier label under mixup), val/loss (plain cross-entropy) and
    val/accuracy, once an epoch.

    Args:
        network: the model.
        recipe: the settings.
        augmentation: the section `augment` of the model's settings.
        class_weight: float [7], weight of each class in the loss.
    """

    class_weight: Tensor

    def __init__(self, network: FaceModel, recipe: Recipe, augmentation: Section, class_weight: Tensor) -> None:
        super().__init__()
        self.network = network
        # In a tuple, so that it is no submodule: checkpoints hold the network once, under its own names.
        self._forward: tuple[Callable[..., Tensor]] = (_compile(network) if recipe.compile else network,)
        self.recipe = recipe
        self.augmentation = augmentation
        self.register_buffer("class_weight", class_weight)
        self.average = MovingAverage(network, recipe.ema) if recipe.ema else None
        # Checking the arguments would make a GPU wait in every step.
        self.train_accuracy = MulticlassAccuracy(CLASSES, average="micro", validate_args=False)
        self.val_accuracy = MulticlassAccuracy(CLASSES, average="micro", validate_args=False)

    @property
    def validated(self) -> nn.Module:
        """The network that is validated and saved: the averaged one where there is one."""
        averaged: nn.Module = self.average.module if self.average is not None else self.network
        return averaged

    def on_fit_start(self) -> None:
        """On one GPU, replay the network's steps as CUDA graphs."""
        if self.device.type == "cuda" and self.trainer.world_size == 1 and not self.recipe.compile:
            self._forward = (GraphedNetwork(self.network),)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Loss of one batch."""
        values, labels, soft_labels = batch
        targets = nn.functional.one_hot(labels, CLASSES).to(torch.float32)
        if soft_labels is not None:
            targets = torch.cat([targets, losses.softened(soft_labels, self.recipe)], dim=1)
        # In half precision a picture's grid would be off by a fraction of a pixel.
        with torch.autocast(labels.device.type, enabled=False), torch.no_grad():
            values = inputs.augment(values, self.augmentation, self.network)
            values, targets = mixup(values, targets, self.recipe.mixup_alpha)
        logits = self._forward[0](**values)
        loss = losses.loss(logits, targets, self.recipe, self.class_weight)
        self.train_accuracy(logits, targets[:, :CLASSES].argmax(1))
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=len(labels), sync_dist=True)
        self.log("train/accuracy", self.train_accuracy, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        """Let the averaged weights follow."""
        if self.average is not None:
            self.average.update(self.network, self.trainer.global_step - 1)

    def validation_step(self, batch: Batch, _: int) -> None:
        """Accuracy and loss of one batch with the weights that would be kept."""
        values, labels = batch[:2]
        logits = self.validated(**values)
        loss = nn.functional.cross_entropy(logits, labels)
        self.val_accuracy(logits, labels)
        self.log("val/loss", loss, batch_size=len(labels), sync_dist=True)
        self.log("val/accuracy", self.val_accuracy, prog_bar=True)

    def configure_optimizers(self) -> Any:
        """AdamW without decay on biases, norms and what the model names in `undecayed`; the schedule by step.

        What the model names in `backbones` has a learning rate of its own.
        """
        from timm.optim import param_groups_weight_decay  # type: ignore[attr-defined]

        spared = self.network.undecayed
        groups = param_groups_weight_decay(self.network, self.recipe.weight_decay, no_weight_decay_list=spared)
        named = self.network.named_parameters()
        learned_before = {id(own) for name, own in named if name.startswith(self.network.backbones)}
        if learned_before:
            groups = [
                {**group, "params": [own for own in group["params"] if (id(own) in learned_before) == before], "lr": lr}
                for group in groups
                for before, lr in ((False, self.recipe.lr), (True, self.recipe.backbone_lr))
            ]
        optimizer = torch.optim.AdamW(groups, lr=self.recipe.lr)
        steps = int(self.trainer.estimated_stepping_batches)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate(self.recipe, steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def _compile(network: nn.Module) -> nn.Module:
    """The network with compiled steps; without a C++ compiler it stays as it is, and a line says so."""
    if not any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "clang++", "cl")):
        rank_zero_only(print)(
            "No C++ compiler was found, so optim.compile has no effect: install g++ for faster steps."
        )
        return network
    # Whatever else goes wrong in compiling, the plain step does the same work.
    torch._dynamo.config.suppress_errors = True
    # One compilation for each size of the pictures, instead of a slower one for all sizes.
    return torch.compile(network, dynamic=False)  # type: ignore[return-value]


def rate(recipe: Recipe, steps: int) -> Callable[[int], float]:
    """The learning rate at a step as a share of `recipe.lr`: a linear rise, then the schedule.

    `cosine` falls to 0 at the last step; `warm_restarts` does so in cycles of which each is twice as long as
    the one before (Loshchilov and Hutter, SGDR, 2017); `constant` stays.
    """
    rise = round(recipe.warmup * steps)
    fall = max(1, steps - rise)
    first_cycle = max(1, round(recipe.restart_epochs * steps / recipe.epochs))

    def share(step: int) -> float:
        if step < rise:
            return (step + 1) / (rise + 1)
        if recipe.schedule == "constant":
            return 1.0
        position, length = step - rise, fall
        if recipe.schedule == "warm_restarts":
            length = first_cycle
            while position >= length:
                position, length = position - length, length * 2
        return 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * min(1.0, position / length)))))

    return share
