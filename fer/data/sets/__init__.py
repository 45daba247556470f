"""The table of data sets: what `data.dataset` and `--labels` can name.

A data set is one file in this folder, and one line in `DATA_SETS`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from fer.data.labels import WORDS_ALONE, Naming
from fer.data.sets.affectnet import AffectNet
from fer.data.sets.base import DataSet
from fer.data.sets.ckplus import CkPlus
from fer.data.sets.drawn import Drawn
from fer.data.sets.fer2013 import Fer2013
from fer.data.sets.ferplus import FerPlus
from fer.data.sets.folder import Folder
from fer.data.sets.rafdb import RafDb
from fer.errors import FerError

if TYPE_CHECKING:
    from fer import config
    from fer.data.faces import Faces

FER_PLUS = FerPlus()
DATA_SETS: dict[str, DataSet] = {
    data_set.name: data_set
    for data_set in (
        Fer2013(),
        Drawn(),
        RafDb(),
        AffectNet(),
        CkPlus(),
        FER_PLUS,
    )
}


def get(settings: "config.Data") -> DataSet:
    """The data set that `data.dataset` names: one of the table, or a folder of somebody's own.

    Raises:
        FerError: `data.labels` names no data set whose classes have numbers, or is set for a data set of the table.
    """
    if settings.dataset in DATA_SETS:
        if settings.labels is not None:
            raise FerError(
                f"data.labels is {settings.labels!r}, but {settings.dataset} has labels of its own: set data.labels "
                "to null. It says what the folders of your own data set are called."
            )
        return DATA_SETS[settings.dataset]
    if settings.labels is not None and settings.labels not in numbered():
        raise FerError(f"data.labels is {settings.labels!r}: it must be null or one of {', '.join(numbered())}.")
    return Folder(settings.dataset, naming(settings.labels, f"set data.labels to {' or '.join(numbered())}"))


def load(settings: "config.Data") -> "Faces":
    """Load the data set that `data.dataset` names.

    Args:
        settings: the section `data` of params.yaml.

    Raises:
        FerError: the settings do not fit the data set, or what the data set itself refuses.
    """
    check(settings)
    return get(settings).load(settings)


def check(settings: "config.Data") -> None:
    """Check the settings, without looking for the data.

    Raises:
        FerError: they do not fit the data set.
    """
    get(settings).check_settings(settings)


def local_sources(settings: "config.Data") -> list[Path]:
    """The local files and folders that the faces are read from; empty for the drawn set, and for a download.

    Raises:
        FerError: there is no copy, and no download either; or as `check`.
    """
    return get(settings).sources(settings)


def numbered() -> list[str]:
    """The data sets whose classes have numbers, in alphabetical order."""
    return sorted(name for name, data_set in DATA_SETS.items() if data_set.naming.numbers)


def naming(labels: str | None, asks: str) -> Naming:
    """What the folders of a data set are called; words alone where none is named.

    Args:
        labels: the data set.
        asks: how to name one, for the message about folders called by numbers.
    """
    if labels is None:
        return Naming(WORDS_ALONE.numbers, asks=asks)
    return DATA_SETS[labels].naming
