"""Where networks run."""

from fer.errors import FerError


def choose(setting: str) -> str:
    """The device for `train.device`: `cpu`, `cuda` or `mps`; `auto` takes the best that is there.

    Raises:
        FerError: the device asked for is not there.
    """
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if setting == "auto":
        return next(device for device, available in there.items() if available)
    if not there[setting]:
        raise FerError(f"train.device = {setting}: there is no such device. Choose train.device=auto or cpu.")
    return setting
