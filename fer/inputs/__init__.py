"""What a model sees of a face: a mapping of named arrays, one entry for each input that the model declares.

An input is one file of this package and one line in `KINDS`. It says how it is stored, made from crops, augmented,
viewed in test-time augmentation, and passed to an exported model. Training, evaluation, export and prediction call the
functions below and never look at an input's name.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fer.errors import FerError
from fer.inputs.base import Draw, Input
from fer.inputs.landmarks import LandmarkInput
from fer.inputs.pixels import PixelInput
from fer.inputs.poses import Pose

if TYPE_CHECKING:
    import torch
    from torch import Tensor

KINDS: Final[dict[str, Input]] = {kind.name: kind for kind in (PixelInput(), LandmarkInput())}
"""The table of inputs, by name."""

Arrays = dict[str, np.ndarray]
Tensors = dict[str, "Tensor"]


def from_crops(names: Iterable[str], crops: np.ndarray, landmarks: Any = None) -> Arrays:
    """The inputs of face crops: the one path from a face to a model.

    Args:
        names: of the inputs.
        crops: square grey faces framed like FER2013's, uint8 [n, S, S].
        landmarks: what finds the landmarks, a `fer.landmarks.extract.Locator`; None if no input needs one.

    Returns:
        One array for each name: `pixels` uint8 [n, S, S], `landmarks` float32 [n, 478, 3].

    Raises:
        ValueError: the crops are no square grey faces.
    """
    if crops.dtype != np.uint8 or crops.ndim != 3 or crops.shape[1] != crops.shape[2]:
        raise ValueError(f"faces must be uint8 [n, S, S]: {crops.dtype} {crops.shape}")
    return {name: KINDS[name].from_crops(crops, landmarks) for name in names}


def load(names: Iterable[str], data: Path) -> Arrays:
    """Read what the stages have stored of the inputs, for every face of the data set, in the order of the faces.

    Args:
        names: of the inputs.
        data: the folder of the pipeline's data.

    Raises:
        FerError: a stage has not run, or has run for other faces.
    """
    from fer.data.faces import Faces

    values = {name: KINDS[name].load(data) for name in names}
    faces = len(Faces.load(data / "faces"))
    for name, array in values.items():
        if len(array) != faces:
            raise FerError(f"{data} holds {faces:,} faces, but the {name} of {len(array):,}. Run `dvc repro`.")
    return values


def settings(names: Iterable[str], params: Any) -> dict[str, Any]:
    """The sections of `params.yaml` that decide how the inputs are made from crops, as an exported file holds them.

    Args:
        names: of the inputs.
        params: a `fer.config.Params`.

    Returns:
        Each section that any input has, by name: its values, or None if none of these inputs needs it.
    """
    needed = {KINDS[name].section for name in names}
    sections = [kind.section for kind in KINDS.values() if kind.section]
    return {key: getattr(params, key).model_dump(exclude={"workers"}) if key in needed else None for key in sections}


def known(values: "Mapping[str, Any]") -> Any:
    """Whether every input of a face has content: False for a face in which no landmarks were found.

    Args:
        values: arrays or tensors [n, ...].

    Returns:
        bool [n], an array or a tensor like the values.
    """
    first, *others = (KINDS[name].known(array) for name, array in values.items())
    for other in others:
        first = first & other
    return first


def poses(names: Iterable[str]) -> tuple[Pose, ...]:
    """The test-time views that some inputs can tell apart; the first is the face as it is, the second mirrored."""
    return max((KINDS[name].poses for name in names), key=len)


def feed(values: Mapping[str, np.ndarray], pose: Pose) -> Arrays:
    """What an exported model takes for faces in a pose: the inputs of an onnxruntime session by name."""
    return {key: array for name, own in values.items() for key, array in KINDS[name].feed(own, pose).items()}


def select(values: Mapping[str, Any], rows: Any) -> dict[str, Any]:
    """Some faces of each input: rows, a mask or a slice."""
    return {name: array[rows] for name, array in values.items()}


def view(values: "Mapping[str, Tensor]", pose: Pose, network: Any) -> Tensors:
    """A batch of faces in a pose, each input in its own way.

    Args:
        values: the network's inputs.
        pose: how the faces are held.
        network: has the `image_size` to which pixels are enlarged, if it sees pixels.
    """
    return {name: KINDS[name].view(own, pose, network) for name, own in values.items()}


def augment(values: "Mapping[str, Tensor]", settings: Any, network: Any) -> Tensors:
    """Vary a batch for training. Each face's mirroring and turn are drawn once and hold for all its inputs.

    Args:
        values: the network's inputs.
        settings: the section `augment` of a model: `flip`, and a section for each input.
        network: as `view` takes it.
    """
    first = next(iter(values.values()))
    draw = Draw.of(len(first), settings.flip, first.device)
    return {name: KINDS[name].augment(own, draw, getattr(settings, name), network) for name, own in values.items()}


def to_tensors(values: Mapping[str, np.ndarray], device: "torch.device | str" = "cpu") -> Tensors:
    """Arrays as tensors on a device."""
    import torch

    return {name: torch.from_numpy(np.ascontiguousarray(array)).to(device) for name, array in values.items()}
