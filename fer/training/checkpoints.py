"""The folder of a training's checkpoint, and whether a checkpoint belongs to this very training.

Each training has a folder named after a fingerprint of all that decides its result. A training with other settings
has another folder, so it never overwrites an unfinished one, which goes on when its settings come back.
"""

import inspect
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

from fer import commands, hashing, inputs, paths
from fer.errors import FerError
from fer.models.base import FaceModel
from fer.training.batches import TrainingData
from fer.training.keeper import Keeper

# Not a DVC output: DVC deletes a stage's outputs before it runs the stage again, and these must survive that.
WORK = paths.CACHE / "training"
_CODE = ("batches", "fit", "keeper", "losses", "mixup", "module")
_CHECKPOINT = "last.ckpt"


@dataclass(frozen=True)
class CheckpointFolder:
    """The folder that holds the checkpoint of one training.

    Attributes:
        name: of the training.
        fingerprint: of all that decides its result.
    """

    name: str
    fingerprint: str

    @property
    def path(self) -> Path:
        """A folder that no other training uses."""
        return WORK / self.name / self.fingerprint[:12]

    @property
    def checkpoint(self) -> Path:
        """The file that is rewritten after every epoch."""
        return self.path / _CHECKPOINT

    def resume(self, keeper: Keeper) -> bool:
        """Whether there is a checkpoint to go on from; its history goes into `keeper`.

        Raises:
            FerError: there is one that can't be read now, say because a disk is away.
        """
        if self.checkpoint.is_file():
            try:
                state = torch.load(self.checkpoint, weights_only=True, map_location="cpu")
                keeper.load_state_dict(state["callbacks"][keeper.state_key])
            except OSError as error:
                reason = error.strerror or str(error)
                raise FerError(f"{self.checkpoint} can't be read ({reason}). Run again when it can.") from error
            except MemoryError:
                raise
            except Exception:  # torch raises exceptions of any kind for a damaged file
                _say(f"The checkpoint {self.checkpoint} is damaged: starting from the beginning.")
            else:
                _say(f"Going on after epoch {keeper.epochs}, from {self.checkpoint}.")
                return True
        elif others := [str(path.parent) for path in sorted((WORK / self.name).glob(f"*/{_CHECKPOINT}"))]:
            _say(f"Not used, since settings, data or code have changed: {', '.join(others)}. `make clean` deletes it.")
        return False

    @rank_zero_only
    def delete(self) -> None:
        """Delete the checkpoint: the training's result is safely written.

        It is kept if DVC, which started this process, was killed: the next `dvc repro` deletes the result, which was
        not recorded, and writes it again from the checkpoint, without training.
        """
        if commands.is_orphan():
            _say(f"The process that started this training is gone. Run `dvc repro`: it goes on from {self.path}.")
            return
        shutil.rmtree(self.path, ignore_errors=True)
        if self.path.parent.is_dir() and not any(self.path.parent.iterdir()):
            self.path.parent.rmdir()


def folder_for(
    name: str, network: FaceModel, data: TrainingData, settings: Mapping[str, Mapping[str, Any]]
) -> CheckpointFolder:
    """The checkpoint folder of a training.

    Args:
        name: of the training.
        network: with its first weights.
        data: its faces.
        settings: sections of settings by name.
    """
    fingerprint = hashing.sha256(
        [
            *(file.read_bytes() for file in _sources(network)),
            *map(_bytes, (*data.inputs.values(), data.labels, data.train, data.val)),
            *([] if data.soft_labels is None else [_bytes(data.soft_labels)]),
            *map(_bytes, network.state_dict().values()),
            json.dumps([torch.__version__, dict(settings)], sort_keys=True, default=str).encode(),
        ]
    )
    return CheckpointFolder(name, fingerprint)


def _sources(network: FaceModel) -> list[Path]:
    """The project's files that decide how a network trains: its classes' own, its inputs', and the training's."""
    here = Path(__file__).parent
    classes = {parent for module in network.modules() for parent in type(module).__mro__}
    classes |= {parent for name in network.inputs for parent in type(inputs.KINDS[name]).__mro__}
    own = {Path(inspect.getfile(found)) for found in classes if found.__module__.startswith("fer.")}
    return sorted(own | {Path(inputs.__file__)} | {here / f"{name}.py" for name in _CODE})


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data


@rank_zero_only
def _say(message: str) -> None:
    print(message, flush=True)
