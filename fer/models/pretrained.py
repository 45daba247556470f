"""Where a backbone's first weights come from, and the proof of which ones they were."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from fer.errors import FerError

VARIABLE = "FER_IMAGENET_WEIGHTS"
CHOICES = (
    f"Set {VARIABLE} to a local safetensors file of the backbone, or choose cnn.weights=none or cnn.weights=<file>."
)


def load(backbone: nn.Module, name: str, weights: str, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Put pretrained weights into a backbone.

    Args:
        backbone: as `cnn.make_backbone` builds it.
        name: its name, as `cnn.backbone` gives it.
        weights: `imagenet`, `none`, or the path of a safetensors file with the backbone's own tensor names;
            a classifier's tensors in it are passed over.
        environment: may name a local file for `imagenet` in FER_IMAGENET_WEIGHTS.

    Returns:
        The origin, for the model's JSON: `source` (imagenet, none or file) and the `sha256` of the file, None
        without one.

    Raises:
        FerError: the file or the download can't be had, or does not fit the backbone.
    """
    if weights == "none":
        return {"source": "none", "sha256": None}
    if weights != "imagenet":
        return {"source": "file", "sha256": _load_file(backbone, name, Path(weights), "cnn.weights")}
    if local := environment.get(VARIABLE):
        return {"source": "imagenet", "sha256": _load_file(backbone, name, Path(local), VARIABLE)}
    return {"source": "imagenet", "sha256": _download(backbone, name)}


def _load_file(backbone: nn.Module, name: str, path: Path, origin: str) -> str:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise FerError(f"{origin} names {path}, which is no file. {CHOICES}")
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise FerError(f"{origin}: {path} is no safetensors file ({error}). {CHOICES}") from error
    _fill(backbone, name, tensors, str(path))
    return _sha256(path)


def _download(backbone: nn.Module, name: str) -> str | None:
    try:
        if name.startswith("timm:"):
            import timm

            tensors = timm.create_model(name.removeprefix("timm:"), pretrained=True, num_classes=0).state_dict()
            path = None
        else:
            import torch
            from torchvision import models

            chosen = models.get_model_weights(name)["DEFAULT"]
            tensors = chosen.get_state_dict(progress=True, check_hash=True, weights_only=True)
            path = Path(torch.hub.get_dir()) / "checkpoints" / Path(chosen.url).name
    except Exception as error:  # each library raises its own kinds: URLError, HTTPError, RuntimeError, ...
        raise FerError(f"The ImageNet weights of {name} can't be downloaded ({error}). {CHOICES}") from error
    _fill(backbone, name, tensors, "the download")
    return _sha256(path) if path else None


def _fill(backbone: nn.Module, name: str, tensors: Mapping[str, Tensor], origin: str) -> None:
    own = backbone.state_dict()
    # num_batches_tracked only matters to a momentum of None, and conversions often leave it out.
    needed = {key for key in own if not key.endswith("num_batches_tracked")}
    missing = sorted(needed - set(tensors))
    wrong = sorted(key for key in needed & set(tensors) if own[key].shape != tensors[key].shape)
    if missing or wrong:
        examples = ", ".join((missing + wrong)[:3])
        raise FerError(
            f"{origin} does not hold the weights of {name}: {len(missing)} tensors are missing and {len(wrong)} "
            f"have another shape ({examples}). {CHOICES}"
        )
    backbone.load_state_dict({key: tensors[key] for key in own if key in tensors}, strict=False)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
