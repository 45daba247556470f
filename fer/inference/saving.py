"""What `fer predict --output` saves: every answer, and annotated copies of the photos."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from fer.inference import draw, report, web
from fer.inference.faces import COLUMNS, Photo
from fer.inference.network import Network
from fer.inference.results import Results, explained_as_unwritable
from fer.inference.sources import STDIN

ANNOTATED = "annotated"
_TABLES = ("faces.csv", "photos.jsonl")
_SAME_FORMAT = (".jpg", ".jpeg", ".png")  # photos in other formats are annotated as PNG


class PhotoResults(Results):
    """The results of `fer predict`: `faces.csv`, `photos.jsonl`, and `annotated/` with the photos that show faces.

    Args:
        folder: made if it is missing.
        overwrite: whether files that fer did not make may be replaced.

    Raises:
        FerError: as `Results`.
    """

    def __init__(self, folder: Path, overwrite: bool = False) -> None:
        super().__init__(folder, (*_TABLES, ANNOTATED), overwrite)
        self._copies: set[str] = set()
        self._photos = 0
        self._files: list[IO[str]] = []

    def start(self, names: Sequence[str], networks: Sequence[Network]) -> None:
        """Open the files.

        Args:
            names: of all photos, to tell how much of their paths they share.
            networks: the models that give the answers.
        """
        self._networks = networks
        self._shared = _shared_folder(names)
        with explained_as_unwritable(self.folder):
            self._files = [self.path(name).open("w", encoding="utf-8", newline="") for name in _TABLES]
            self._files[0].write(report.csv_line(COLUMNS))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files, and release the folder."""
        for file in self._files:
            with suppress(OSError):  # a full disk, which was reported already
                file.close()
            if not self._photos:
                with suppress(OSError):
                    Path(file.name).unlink(missing_ok=True)
        super().__exit__(kind, error, trace)

    def add(self, photo: Photo) -> None:
        """Write a photo's answers and its annotated copy; the photo has its frame.

        Raises:
            FerError: the copy can't be made; the answers are written.
        """
        self._photos += 1
        with explained_as_unwritable(self.folder):
            self._files[0].writelines(report.csv_lines(photo))
            self._files[1].write(report.json_line(photo, self._networks))
            for file in self._files:
                file.flush()
        if photo.faces and photo.frame is not None:
            draw.write(self.path(f"{ANNOTATED}/{self._copy_of(photo.name)}"), photo.frame, photo.faces)

    def commit(self) -> None:
        """Close the files, and replace the earlier results."""
        with explained_as_unwritable(self.folder):
            for file in self._files:
                file.close()
        super().commit()

    def _copy_of(self, name: str) -> str:
        """The name of a photo's annotated copy: its path below what all photos share; each name is given once."""
        if name == STDIN:
            shown = "stdin"
        elif web.is_address(name):
            shown = web.file_name(name)
        elif self._shared:
            folder = os.path.realpath(os.path.dirname(name) or ".")
            shown = os.path.relpath(os.path.join(folder, os.path.basename(name)), self._shared)
        else:
            shown = os.path.basename(name)
        stem, suffix = shown, ".png"
        if shown.lower().endswith(_SAME_FORMAT):
            stem, suffix = os.path.splitext(shown)
        copy, number = f"{stem}{suffix}", 1
        while copy.lower() in self._copies or self._is_foreign(f"{ANNOTATED}{os.sep}{copy}"):
            number += 1  # `a.gif` and `a.gif.png`; names that differ in case alone; a file that fer did not make
            copy = f"{stem}-{number}{suffix}"
        self._copies.add(copy.lower())
        return copy

    def _is_foreign(self, name: str) -> bool:
        return not self._overwrite and name not in (self._made or ()) and os.path.lexists(self.folder / name)


def _shared_folder(names: Sequence[str]) -> str:
    """The folder below which all photos lie; empty if there is none."""
    try:
        files = [name for name in names if name != STDIN and not web.is_address(name)]
        folders = [os.path.realpath(os.path.dirname(name) or ".") for name in files]
        return os.path.commonpath(folders) if folders else ""
    except (OSError, ValueError):  # the working folder was deleted; several drives
        return ""
