"""`data.dataset` to faces: FER2013, the embedded drawn set, or somebody's own folder."""

from fer import config
from fer.data import fer2013, files, folder
from fer.data.faces import Faces
from fer.errors import FerError


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
    path = files.expanded(settings.dataset)
    if not path.is_dir():
        raise FerError(f"data.dataset is {settings.dataset!r}: neither fer2013 nor drawn nor an existing folder.")
    return folder.load(path, settings.size)
