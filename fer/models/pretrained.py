"""Fetching the pretrained weights that a backbone's training begins with, and recording which ones they were."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fer import artifacts, hashing, models, paths, writing
from fer.errors import FerError, SettingError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from fer.config import Params

VARIABLE = "FER_IMAGENET_WEIGHTS"
CHOICES = (
    f"Set {VARIABLE} to a local safetensors file of the backbone or to a folder of such files, or choose weights=none "
    "or weights=<file>."
)


def source(backbone: str, weights: str, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The local file that the weights come from; None where there is none or they are downloaded.

    Args:
        backbone: its name, as the setting `backbone` gives it.
        weights: `imagenet`, `none`, or the path of a safetensors file.
        environment: may name a local file for `imagenet` in FER_IMAGENET_WEIGHTS, or a folder in which
            `<backbone>_imagenet.safetensors` lies, without the `timm:` of its name.
    """
    if weights == "none":
        return None
    if weights != "imagenet":
        return Path(weights)
    local = environment.get(VARIABLE)
    if not local:
        return None
    folder = Path(local)
    return folder / f"{backbone.removeprefix('timm:')}_imagenet.safetensors" if folder.is_dir() else folder


def host(backbone: str) -> str | None:
    """The host that a backbone's ImageNet weights would be downloaded from; None where they lie in the cache."""
    if backbone.startswith("timm:"):
        return "huggingface.co"
    import torch
    from torchvision import models

    url = models.get_model_weights(backbone)["DEFAULT"].url
    cached = Path(torch.hub.get_dir(), "checkpoints", Path(url).name)
    return None if cached.is_file() else urlsplit(url).hostname


def write_folder(name: str, params: "Params", out: Path = paths.MODELS) -> dict[str, Any]:
    """Fetch the pretrained weights that a model's training begins with, and write their folder.

    Args:
        name: one of `fer.models.MODELS`.
        params: the model's section is used.
        out: the folder of the models' folders.

    Returns:
        Their origin, as `fetch` gives it.

    Raises:
        FerError: the model starts from scratch, or the weights can't be had or do not fit.
    """
    kind = models.network(name)
    if not kind.starts_pretrained:
        raise FerError(f"{name} starts from scratch: it has no pretrained weights.")
    try:
        tensors, origin = kind.fetch_pretrained(params.model(name))
    except SettingError as error:
        raise error.of(name) from error
    with writing.transaction():
        artifacts.write_model(writing.clean_folder(out / models.weights_folder(name)), tensors, origin)
    return origin


def fetch(
    backbone: "nn.Module", name: str, weights: str, environment: Mapping[str, str] = os.environ
) -> "tuple[dict[str, Tensor], dict[str, Any]]":
    """Fetch a backbone's pretrained weights.

    Args:
        backbone: as `cnn.make_backbone` builds it: what the weights must fit. It stays as it is.
        name: its name, as the setting `backbone` gives it.
        weights: `imagenet`, `none`, or the path of a safetensors file with the backbone's own tensor names;
            a classifier's tensors in it are passed over.
        environment: as for `source`.

    Returns:
        The tensors (none for `none`), and their origin: `source` (imagenet, none or file) and the `sha256` of
        the file, None without one.

    Raises:
        SettingError: the file or the download can't be had, or does not fit the backbone.
    """
    if weights == "none":
        return {}, {"source": "none", "sha256": None}
    path = source(name, weights, environment)
    if path is not None:
        tensors = _read(path, weights)
    else:
        tensors, path = _download(name, weights)
    tensors = _fitting(backbone, tensors, str(path or "the download"), weights)
    kind = "imagenet" if weights == "imagenet" else "file"
    return tensors, {"source": kind, "sha256": hashing.sha256_of_file(path) if path else None}


def fill(backbone: "nn.Module", tensors: "Mapping[str, Tensor]", origin: str) -> None:
    """Put pretrained tensors into a backbone.

    Raises:
        FerError: they belong to another one.
    """
    try:
        fitting = _fitting(backbone, tensors, origin, "")
    except SettingError as error:
        raise FerError(f"{origin} fetched the weights of another backbone. Run `dvc repro`.") from error
    backbone.load_state_dict(fitting, strict=False)


def _read(path: Path, weights: str) -> "dict[str, Tensor]":
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    origin = f"{VARIABLE} names {path}" if weights == "imagenet" else str(path)
    if not path.is_file():
        raise SettingError("weights", weights, f"{origin}, which is no file. {CHOICES}")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise SettingError("weights", weights, f"{path} is no safetensors file ({error}). {CHOICES}") from error


def _download(name: str, weights: str) -> "tuple[dict[str, Tensor], Path | None]":
    try:
        if name.startswith("timm:"):
            import timm

            model = timm.create_model(name.removeprefix("timm:"), pretrained=True, num_classes=0)
            return model.state_dict(), None
        import torch
        from torchvision import models

        chosen = models.get_model_weights(name)["DEFAULT"]
        tensors = chosen.get_state_dict(progress=True, check_hash=True, weights_only=True)
        return tensors, Path(torch.hub.get_dir()) / "checkpoints" / Path(chosen.url).name
    except Exception as error:  # each library raises its own kinds: URLError, HTTPError, RuntimeError, ...
        reason = " ".join(str(error).split())[:200]
        raise SettingError("weights", weights, f"{name} can't be downloaded ({reason}). {CHOICES}") from error


def _fitting(backbone: "nn.Module", tensors: "Mapping[str, Tensor]", origin: str, weights: str) -> "dict[str, Tensor]":
    """The tensors that the backbone needs."""
    own = backbone.state_dict()
    # num_batches_tracked only matters to a momentum of None, and conversions often leave it out.
    needed = {key for key in own if not key.endswith("num_batches_tracked")}
    missing = sorted(needed - set(tensors))
    wrong = sorted(key for key in needed & set(tensors) if own[key].shape != tensors[key].shape)
    if missing or wrong:
        examples = ", ".join((missing + wrong)[:3])
        raise SettingError(
            "weights",
            weights,
            f"{origin} does not hold the weights of this backbone: {len(missing)} tensors are missing and "
            f"{len(wrong)} have another shape ({examples}). {CHOICES}",
        )
    return {key: tensors[key] for key in own if key in tensors}
