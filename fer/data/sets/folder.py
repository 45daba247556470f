"""A user's own images, in one folder per emotion."""

from pathlib import Path
from typing import TYPE_CHECKING

from fer.data import files, labels
from fer.data.labels import Label, Naming
from fer.data.sets.pictures import PictureSet
from fer.errors import FerError

if TYPE_CHECKING:
    from fer import config


class Folder(PictureSet):
    """`<folder>/<emotion>/*` or `<folder>/{train,val,test}/<emotion>/*`, the folder being `data.dataset` itself.

    A folder of an emotion is called by its word (`Happy`, `happiness`, `3_happiness`), or by its number in the data
    set that `data.labels` names. Nothing is divided here: without train/ and test/ the usage of every face is empty,
    and with these two alone there is no PublicTest; `splits` cuts what is missing.
    """

    name = "folder"
    title = "your folder"

    def __init__(self, path: str, naming: Naming) -> None:
        self._path = path
        self.naming = naming

    def find(self) -> Path:
        """The folder.

        Raises:
            FerError: it does not exist.
        """
        path = files.expanded(self._path)
        if path.is_file():
            raise FerError(f"data.dataset is {self._path!r}, a file. Unpack it, and name the folder.")
        if not path.is_dir():
            from fer.data.sets import DATA_SETS

            # A queued experiment runs in a copy of the project that lacks what git does not track.
            where = "" if path.is_absolute() else f" in {Path.cwd()}; an absolute path is found from everywhere"
            raise FerError(
                f"data.dataset is {self._path!r}: neither {' nor '.join(DATA_SETS)} nor an existing folder{where}."
            )
        return path

    def sources(self, settings: "config.Data") -> list[Path]:
        """The folder."""
        return [self.find()]

    def _by_folders(self, pictures: list[str], where: str) -> dict[str, Label]:
        return labels.by_layout(pictures, self.naming, where)
