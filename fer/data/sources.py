"""`data.dataset` to faces: FER2013, the embedded drawn set, or somebody's own folder."""

import os
from pathlib import Path

from fer import config
from fer.data import fer2013, files, folder
from fer.data.faces import Faces
from fer.errors import FerError


def at_hand(settings: config.Data) -> Path | None:
    """The local file or folder that the faces are read from; None for the drawn set, and for a download.

    Raises:
        FerError: it does not exist.
    """
    if settings.dataset == "drawn":
        return None
    if settings.dataset == "fer2013":
        return fer2013.find_local(os.environ)
    path = files.expanded(settings.dataset)
    if not path.is_dir():
        raise FerError(f"data.dataset is {settings.dataset!r}: neither fer2013 nor drawn nor an existing folder.")
    return path


def load(settings: config.Data) -> Faces:
    """Load the data set that `data.dataset` names.

    Args:
        settings: `dataset` is fer2013, drawn, or the path of a folder with one subfolder per emotion; `seed`
            and `drawn_faces` draw the embedded set; `size` is the side of the faces of a folder.

    Raises:
        FerError: the folder doesn't exist, or what the source itself refuses.
    """
    if settings.dataset == "fer2013":
        return fer2013.load()
    if settings.dataset == "drawn":
        from fer.data.drawn import draw

        return draw(settings.drawn_faces, settings.seed)
    path = at_hand(settings)
    assert path is not None
    return folder.load(path, settings.size)
