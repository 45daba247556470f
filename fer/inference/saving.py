"""What `fer predict` saves: every answer, and annotated copies of the photos. And `fer explain`: a picture a face."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from fer.data import images
from fer.inference import draw, heat_picture, report, url
from fer.inference.about import About
from fer.inference.faces import COLUMNS, Photo
from fer.inference.network import Network
from fer.inference.results import Results, explained_as_unwritable
from fer.inference.sources import STDIN

ANNOTATED, EXPLAINED = "annotated", "explained"
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
        self._photos = 0
        self._files: list[IO[str]] = []

    def start(self, names: Sequence[str], networks: Sequence[Network]) -> None:
        """Open the files.

        Args:
            names: of all photos, to tell how much of their paths they share.
            networks: the models that give the answers.
        """
        self._networks = networks
        self._copies = _Copies(self, ANNOTATED, names)
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
            draw.write(self.path(self._copies.name_of(photo.name)), photo.frame, photo.faces)

    def commit(self) -> None:
        """Close the files, and replace the earlier results."""
        with explained_as_unwritable(self.folder):
            for file in self._files:
                file.close()
        super().commit()


class FaceResults(Results):
    """The results of `fer explain`: `explained/`, a picture a face. The arguments are those of `PhotoResults`."""

    def __init__(self, folder: Path, overwrite: bool = False) -> None:
        super().__init__(folder, (EXPLAINED,), overwrite)
        self.pictures = 0

    def start(self, names: Sequence[str], about: About) -> None:
        """Begin.

        Args:
            names: of all photos, to tell how much of their paths they share.
            about: the model that is explained.
        """
        self._copies, self._about = _Copies(self, EXPLAINED, names), about

    def add(self, photo: Photo) -> None:
        """Write the picture of each face that has explanations; its name ends with the number of the table's row.

        Raises:
            FerError: a picture can't be written.
        """
        for number, face in enumerate(photo.faces, 1):
            if face.explanations:
                name = self._copies.name_of(photo.name, number)
                heat_picture.write(self.path(name), face, self._about)
                self.pictures += 1


class _Copies:
    """Names for what is drawn of photos: a photo's path below what all photos share; each name is given once."""

    def __init__(self, results: Results, folder: str, names: Sequence[str]) -> None:
        self._results, self._folder, self._shared = results, folder, _shared_folder(names)
        self._given: set[str] = set()

    def name_of(self, photo: str, face: int | None = None) -> str:
        """The name of a photo's copy, relative to the folder of results.

        Args:
            photo: its name.
            face: the number of the face that is drawn; None for a copy of the photo, whose format stays where it can.
        """
        if photo == STDIN:
            shown = "stdin"
        elif url.is_url(photo):
            shown = url.file_name(photo)
        elif self._shared:
            folder = os.path.realpath(os.path.dirname(photo) or ".")
            shown = os.path.relpath(os.path.join(folder, os.path.basename(photo)), self._shared)
        else:
            shown = os.path.basename(photo)
        stem, end = os.path.splitext(shown)
        if face is not None:
            stem, end = f"{stem if end.lower() in images.SUFFIXES else shown}-{face}", ".png"
        elif end.lower() not in _SAME_FORMAT:
            stem, end = shown, ".png"
        copy, number = f"{stem}{end}", 1
        while copy.lower() in self._given or self._results.is_foreign(os.path.join(self._folder, copy)):
            number += 1  # `a.gif` and `a.gif.png`; names that differ in case alone; a file that fer did not make
            copy = f"{stem}-{number}{end}"
        self._given.add(copy.lower())
        return f"{self._folder}/{copy}"


def _shared_folder(names: Sequence[str]) -> str:
    """The folder below which all photos lie; empty if there is none."""
    try:
        files = [name for name in names if name != STDIN and not url.is_url(name)]
        folders = [os.path.realpath(os.path.dirname(name) or ".") for name in files]
        return os.path.commonpath(folders) if folders else ""
    except (OSError, ValueError):  # the working folder was deleted; several drives
        return ""
