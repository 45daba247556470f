"""`data.dataset` to faces: FER2013, the embedded drawn set, or somebody's own folder."""

from pathlib import Path

from fer.data import fer2013, folder
from fer.data.faces import Faces
from fer.errors import FerError


def load(dataset: str, seed: int, drawn_faces: int) -> Faces:
    """Load the data set that `data.dataset` names.

    Args:
        dataset: `fer2013`, `drawn`, or the path of a folder with one subfolder per emotion.
        seed: draws the embedded set; cuts the split of a folder without one.
        drawn_faces: size of the embedded set.

    Raises:
        FerError: the folder doesn't exist, or what the source itself refuses.
    """
    if dataset == "fer2013":
        return fer2013.load()
    if dataset == "drawn":
        from fer.data.drawn import draw

        return draw(drawn_faces, seed)
    path = Path(dataset).expanduser()
    if not path.is_dir():
        raise FerError(f"data.dataset is {dataset!r}: neither fer2013 nor drawn nor an existing folder.")
    return folder.load(path, seed)
