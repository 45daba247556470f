"""The base class of data sets: where a data set is found, how it is read, and what its labels mean."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from fer import paths
from fer.data import files, labels
from fer.data.labels import Naming
from fer.emotions import EMOTIONS
from fer.errors import FerError

if TYPE_CHECKING:
    from fer import config
    from fer.data.faces import Faces

INCOMING = paths.DATA / "incoming"


class DataSet(ABC):
    """A data set that `data.dataset` can name.

    Attributes:
        name: in `data.dataset` and `--labels`.
        title: for messages and the report.
        naming: the names of its classes; numbers only if they are published.
        side: of its faces in pixels, if that is fixed; None if they are resized to `data.size`.
        incoming: names of its files in data/incoming/, as shell patterns.
        download_host: where it is downloaded from if there is no copy; None if there is no public download.
        official: how many faces a complete copy has of each emotion, by usage, in the order of `EMOTIONS`; empty
            if that is not fixed.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    naming: Naming = labels.WORDS_ALONE
    side: ClassVar[int | None] = None
    incoming: ClassVar[tuple[str, ...]] = ()
    download_host: ClassVar[str | None] = None
    official: ClassVar[Mapping[str, tuple[int, ...]]] = {}

    @property
    def variable(self) -> str:
        """The environment variable that can name a copy, say FER2013_ARCHIVE."""
        return f"{self.name.upper()}_ARCHIVE"

    @property
    def choices(self) -> str:
        """What a user can do if no copy was found."""
        return (
            f"Set {self.variable} to your copy of {self.title} (a folder, .zip or .tar.*), or put it into "
            f"{INCOMING}/ as {' or '.join(self.incoming)}"
        )

    def find(self) -> Path | None:
        """The local copy: what the environment variable names, or what lies in data/incoming/.

        Raises:
            FerError: the variable names something that does not exist.
        """
        named = os.environ.get(self.variable, "").strip()
        if named:
            path = files.expanded(named)
            if not path.exists():
                raise FerError(f"{self.variable} names {path}, which doesn't exist. Correct it or unset it.")
            return path
        return self.find_incoming()

    def find_incoming(self) -> Path | None:
        """What lies in data/incoming/ and is called by this data set."""
        return next((path for pattern in self.incoming for path in sorted(INCOMING.glob(pattern))), None)

    def sources(self, settings: "config.Data") -> list[Path]:
        """The local files and folders that `load` would read; empty for a download or for none.

        Raises:
            FerError: there is no copy, and no download either.
        """
        path = self.find()
        if path is None and self.download_host is None:
            raise FerError(f"{self.title} was not found. {self.choices}.")
        return [] if path is None else [path]

    @abstractmethod
    def load(self, settings: "config.Data") -> "Faces":
        """Read all faces, and check that they are complete.

        Returns:
            The faces sorted by name, each side `settings.size` pixels.

        Raises:
            FerError: there is no copy, or it is damaged, altered or incomplete.
        """

    def check_settings(self, settings: "config.Data") -> None:
        """Check that the faces can have the size that is asked for.

        Raises:
            FerError: they can't.
        """
        if self.side not in (None, settings.size):
            raise FerError(
                f"data.size is {settings.size}: the faces of {self.name} have {self.side} pixels a side. "
                f"Set data.size to {self.side}."
            )

    def check_counts(self, faces: "Faces", where: str) -> None:
        """Compare the faces per usage and emotion with the official ones.

        Raises:
            FerError: names the first differences, and says how many more there are.
        """
        found = faces.counts()
        wrong = [
            f"{emotion}/{usage}: {expected:,} expected, {found.get(usage, {}).get(emotion, 0):,} found"
            for usage, row in self.official.items()
            for emotion, expected in zip(EMOTIONS, row, strict=True)
            if found.get(usage, {}).get(emotion, 0) != expected
        ]
        if wrong:
            more = [f"and {len(wrong) - labels.SHOWN} more"] if len(wrong) > labels.SHOWN else []
            total = sum(map(sum, self.official.values()))
            raise FerError(
                f"{where} is not the complete {self.title}: it has {len(faces):,} faces, {total:,} expected "
                f"({'; '.join(wrong[: labels.SHOWN] + more)}). Fetch an unaltered copy, or, if the change is yours, "
                "set data.dataset to a folder with one subfolder per emotion."
            )


def say(line: str) -> None:
    """Tell the user something on stderr."""
    click.echo(line, err=True)
