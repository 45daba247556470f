"""Where a training's checkpoint lies, and whether it belongs to this very training.

Each training has a folder named after a fingerprint of all that decides its result. A training with other settings
has another folder, so it never overwrites a half-finished one, which goes on when its settings come back.
"""

import hashlib
import inspect
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

from fer import artifacts, commands, inputs, writing
from fer.errors import FerError
from fer.models.base import FaceModel
from fer.training.batches import TrainingData
from fer.training.keeper import Keeper

# Not a DVC output: DVC deletes a stage's outputs before it runs the stage again, and these must survive that.
WORK = Path(".cache/training")
_OWN_CODE = ("batches", "fit", "keeper", "mixup", "module")
_NOTE = "training.json"


@dataclass(frozen=True)
class Place:
    """Where a training keeps its checkpoint.

    Attributes:
        name: of the training.
        parts: a digest for each thing that decides its result.
    """

    name: str
    parts: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """A folder that no other training uses."""
        return WORK / self.name / _digest([json.dumps(dict(self.parts), sort_keys=True).encode()])[:12]

    @property
    def checkpoint(self) -> Path:
        """The file that is rewritten after every epoch."""
        return self.folder / "last.ckpt"

    def resume(self, keeper: Keeper) -> bool:
        """Whether there is a checkpoint to go on from; what it remembers goes into `keeper`."""
        if self.checkpoint.is_file():
            try:
                state = torch.load(self.checkpoint, weights_only=True, map_location="cpu")
                keeper.load_state_dict(state["callbacks"][keeper.state_key])
            except OSError as error:  # a disk that is away for a moment damages nothing
                reason = error.strerror or str(error)
                raise FerError(f"{self.checkpoint} can't be read ({reason}). Run again when it can.") from error
            except MemoryError:
                raise
            except Exception:  # whatever torch says of a damaged file, and its advice is not for a user
                _say(f"The checkpoint {self.checkpoint} is damaged: starting from the beginning.")
            else:
                _say(f"Going on after epoch {keeper.epochs}, from {self.checkpoint}.")
                return True
        else:
            self._explain_others()
        self._begin()
        return False

    @rank_zero_only
    def forget(self) -> None:
        """Delete the checkpoint; its training's result is safely written.

        Unless DVC was killed meanwhile: then nobody records the result, and the next `dvc repro` begins with deleting
        it. From the checkpoint it is written again, without training.
        """
        if commands.is_orphan():
            _say(f"The process that started this training is gone. Run `dvc repro`: it takes over {self.folder}.")
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.parent.is_dir() and not any(self.folder.parent.iterdir()):
            self.folder.parent.rmdir()

    @rank_zero_only
    def _begin(self) -> None:
        writing.clean_folder(self.folder)
        artifacts.write_text(self.folder / _NOTE, json.dumps(dict(self.parts), indent=2) + "\n")

    def _explain_others(self) -> None:
        """Say why the checkpoints of other trainings of this name are not used."""
        for note in sorted((WORK / self.name).glob(f"*/{_NOTE}")):
            try:
                theirs = artifacts.read_json(note)
            except FerError:
                continue
            changed = [part for part, digest in self.parts.items() if theirs.get(part) != digest]
            if changed and (note.parent / "last.ckpt").is_file():
                _say(f"Not used: {note.parent}, begun with another {', '.join(changed)}. `make clean` deletes it.")


def place(name: str, network: FaceModel, data: TrainingData, settings: Mapping[str, Mapping[str, Any]]) -> Place:
    """The place of a training.

    Args:
        name: of the training.
        network: with its first weights.
        data: its faces.
        settings: sections of settings by what to call them in a message.
    """
    parts = {
        "code": _digest(path.read_bytes() for path in _sources(network)),
        "data set": _digest(map(_bytes, (*data.inputs.values(), data.labels, data.train, data.val))),
        "start": _digest(map(_bytes, network.state_dict().values())),
        "torch": torch.__version__,
    }
    for title, values in settings.items():
        parts[title] = _digest([json.dumps(dict(values), sort_keys=True, default=str).encode()])
    return Place(name, parts)


def _sources(network: FaceModel) -> list[Path]:
    """The project's files that decide how these modules train: their classes' own, and the training's."""
    here = Path(__file__).parent
    classes = {parent for module in network.modules() for parent in type(module).__mro__}
    classes |= {parent for name in network.inputs for parent in type(inputs.KINDS[name]).__mro__}
    own = {Path(inspect.getfile(found)) for found in classes if found.__module__.startswith("fer.")}
    return sorted(own | {Path(inputs.__file__)} | {here / f"{name}.py" for name in _OWN_CODE})


def _digest(parts: "Iterable[bytes | memoryview]") -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> bytes | memoryview:
    array: np.ndarray = tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
    return array.data


@rank_zero_only
def _say(message: str) -> None:
    print(message, flush=True)
