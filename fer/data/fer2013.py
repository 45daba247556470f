"""The names that `fer.check` and `fer.untracked` use until they use `fer.data.sets`."""

from collections.abc import Mapping
from pathlib import Path

from fer.data.sets import DATA_SETS

CHOICES = DATA_SETS["fer2013"].choices


def at_hand(environment: Mapping[str, str]) -> Path | None:
    """The local copy of FER2013."""
    return DATA_SETS["fer2013"].find()
