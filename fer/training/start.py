"""The folder of pretrained weights that a model's training begins with."""

from pathlib import Path
from typing import Any

from fer import artifacts, models, writing
from fer.config import Params
from fer.errors import FerError, SettingError


def fetch(name: str, params: Params, out: Path = Path("models")) -> dict[str, Any]:
    """Bring a model's pretrained weights and write their folder; returns their origin.

    Args:
        name: one of `fer.models.MODELS`.
        params: the model's section is used.
        out: the folder of the models' folders.

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
