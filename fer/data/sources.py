"""The names that `fer.check` and `fer.untracked` use until they use `fer.data.sets`."""

from pathlib import Path

from fer import config
from fer.data import sets


def at_hand(settings: config.Data) -> Path | None:
    """The first of `sets.local_sources`."""
    return next(iter(sets.local_sources(settings)), None)
