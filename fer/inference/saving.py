"""What `fer predict --output` leaves behind: every answer as a line, and annotated copies of the photos."""

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from fer.errors import FerError
from fer.inference import draw, report
from fer.inference.faces import COLUMNS, Photo
from fer.inference.network import Network
from fer.inference.sources import STDIN

ANNOTATED = "annotated"
_KEPT = (".jpg", ".jpeg", ".png")  # other formats are annotated as PNG


class Folder:
    """A folder of results, written as they come: what an interrupted run has answered is there.

    It holds `faces.csv` (a line a face), `photos.jsonl` (a line a photo) and `annotated/`, with the photos in which
    there are faces. Use it in a `with` block.

    Args:
        folder: made if it is missing.
        names: of all photos, to tell how much of their paths they share.
        networks: whose answers they are.
        megapixels: larger photos are not read.

    Raises:
        FerError: the folder can't be written.
    """

    def __init__(self, folder: Path, names: Sequence[str], networks: Sequence[Network], megapixels: float) -> None:
        self.folder, self._networks, self._megapixels = folder, networks, megapixels
        places = [os.path.dirname(os.path.abspath(name)) for name in names if name != STDIN]
        self._shared = os.path.commonpath(places) if places else ""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._files = [self._open("faces.csv"), self._open("photos.jsonl")]
        except OSError as error:
            raise FerError(f"{error.filename}: {error.strerror}. Name another folder with --output.") from error
        self._write(0, report.csv_line(COLUMNS))

    def __enter__(self) -> "Folder":
        """Return the folder itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    def add(self, photo: Photo) -> None:
        """Write a photo's answers and its annotated copy.

        Raises:
            FerError: the copy can't be made; the answers are written.
        """
        self._write(0, *report.csv_lines(photo))
        self._write(1, report.json_line(photo, self._networks))
        if photo.faces:
            draw.write(self.copy_of(photo.name), photo, self._megapixels)

    def copy_of(self, name: str) -> Path:
        """Where the annotated copy of a photo goes: under the path that it has below what all photos share."""
        shown = "stdin" if name == STDIN else os.path.relpath(os.path.abspath(name), self._shared)
        suffix = "" if shown.lower().endswith(_KEPT) else ".png"
        return self.folder / ANNOTATED / f"{shown}{suffix}"

    def _open(self, name: str) -> IO[str]:
        return (self.folder / name).open("w", encoding="utf-8", newline="")

    def _write(self, number: int, *lines: str) -> None:
        self._files[number].writelines(lines)
        self._files[number].flush()
