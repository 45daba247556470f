"""What a data set is: one object that says where it lies, how it is read, and what its labels mean."""

import os
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from fer import paths
from fer.data import archives, files, images, labels
from fer.data.labels import Label, Naming
from fer.emotions import EMOTIONS, USAGES
from fer.errors import FerError

if TYPE_CHECKING:
    from fer import config
    from fer.data.faces import Faces

INCOMING = paths.DATA / "incoming"


class DataSet(ABC):
    """A data set that `data.dataset` can name.

    Attributes:
        name: in `data.dataset` and `--labels`.
        title: for people.
        naming: what its classes are called; numbers only where they have a published meaning.
        side: of its faces in pixels, if that is fixed; None if they are resized to `data.size`.
        incoming: names of its files in data/incoming/, as patterns of a shell.
        download_host: where it is downloaded from if there is no copy; None for a set that nobody may hand on.
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


class PictureSet(DataSet):
    """A data set of picture files, labelled by lists or by the names of their folders.

    Attributes:
        lists: names of the files that hold labels.
        validation_is_test: whether the published validation set serves as test set, since the test set is not
            published. Then val is cut from Training.
    """

    lists: ClassVar[tuple[str, ...]] = ()
    validation_is_test: ClassVar[bool] = False

    def read_lists(self, texts: Mapping[str, str], names: Collection[str]) -> dict[str, Label] | None:
        """The labels of the pictures that the lists name; None where there are no lists.

        Args:
            texts: the content of each list that was found, by its name.
            names: of all pictures.

        Raises:
            FerError: a list is damaged.
        """
        return None

    def load(self, settings: "config.Data") -> "Faces":
        """As `DataSet.load`."""
        (path,) = self.sources(settings)
        return self.read(path, settings.size)

    def read(self, path: Path, size: int) -> "Faces":
        """Read a folder or an archive.

        Args:
            path: of it.
            size: side in pixels of the faces that the pictures become, by `images.face`.

        Raises:
            FerError: it is damaged, hostile or incomplete.
        """
        import numpy as np
        import pandas as pd

        from fer import progress
        from fer.data.faces import COLUMNS, Faces

        if not path.is_dir() and not archives.is_archive(path.name):
            raise FerError(f"{path} is neither a folder nor a .zip, .tar or .tar.gz/.bz2/.xz file.")
        with archives.reading(path):
            found = self._labels(path)
            self._check_classes(found, str(path))
            rows: list[tuple[str, str, str]] = []
            pixels = np.empty((len(found), size, size), np.uint8)
            with progress.bar(f"Reading {path.name}", len(found)) as advance:
                for name, stream in archives.members(path, found.__contains__, most=None):
                    if len(rows) == len(found):
                        raise FerError(f"{path} holds a file twice, or has changed while it was read. Run again.")
                    shown = str(path / name) if path.is_dir() else f"{path}: {name}"
                    picture = images.decode(stream.read(), shown)
                    label = found[name]
                    if label.box is not None:
                        picture = picture.crop(label.box)
                    pixels[len(rows)] = images.face(picture, size, shown)
                    rows.append((name, label.usage, label.emotion))
                    advance()
        if len(rows) < len(found):
            raise FerError(f"{path} has changed while it was read. Run again.")
        faces = Faces(pixels, pd.DataFrame(rows, columns=list(COLUMNS))).canonical()
        self.check_counts(faces, str(path))
        return faces

    def _labels(self, path: Path) -> dict[str, Label]:
        """The label of each picture that is one of the seven emotions, by its name; the others are counted."""
        names: list[str] = []

        def is_list(name: str) -> bool:
            names.append(name)
            return name.rpartition("/")[2].lower() in self.lists

        texts = {name: _text(name, stream.read) for name, stream in archives.members(path, is_list, most=None)}
        pictures, others = labels.pictures_among(name for name in names if name not in texts)
        if others:
            kinds = ", ".join(f"{suffix} {count:,}" for suffix, count in sorted(others.items())[: labels.SHOWN])
            say(f"Passed over in {path}: {others.total():,} files that are no images ({kinds}).")
        if not pictures:
            raise FerError(f"{path} holds no images ({', '.join(images.SUFFIXES)}). Check data.dataset.")
        found = self.read_lists(texts, pictures)
        if found is None:
            found = self._by_folders(pictures, str(path))
        if self.validation_is_test and not any(label.usage == "PrivateTest" for label in found.values()):
            moved = {"PublicTest": "PrivateTest"}
            found = {
                name: Label(label.emotion, moved.get(label.usage, label.usage), label.box)
                for name, label in found.items()
            }
        labels.check_usages(found, str(path))
        return without_others(found, str(path))

    def _by_folders(self, pictures: list[str], where: str) -> dict[str, Label]:
        skipped = labels.without_common_folder(pictures)
        found = labels.by_layout([name[skipped:] for name in pictures], self.naming, where)
        return {name: found[name[skipped:]] for name in pictures}

    def _check_classes(self, found: Mapping[str, Label], where: str) -> None:
        counts = Counter((label.usage, label.emotion) for label in found.values())
        usages = {usage for usage, _ in counts}
        # What is cut from a usage later needs a face of each emotion, too.
        needed = {"": 3, "Training": 1 if "PublicTest" in usages else 2}
        for usage in ("", *USAGES):
            for emotion in EMOTIONS if usage in usages else ():
                if counts[usage, emotion] < needed.get(usage, 1):
                    raise FerError(
                        f"{where}{f' ({usage})' if usage else ''} has {counts[usage, emotion]} faces of {emotion}; at "
                        f"least {needed.get(usage, 1)} are needed: every split must hold every emotion. Add some."
                    )


def without_others(found: Mapping[str, Label], where: str) -> dict[str, Label]:
    """The pictures that show one of the seven emotions; says how many do not, and why."""
    others = Counter(label.emotion for label in found.values() if label.emotion not in EMOTIONS)
    if others:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(others.items()))
        say(f"Left out of {where}: {others.total():,} pictures ({kinds}).")
    return {name: label for name, label in found.items() if label.emotion in EMOTIONS}


def _text(name: str, read: Callable[[], bytes]) -> str:
    try:
        return read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FerError(f"{name} is no UTF-8 text ({error.reason} at byte {error.start}). Fetch it again.") from error


def read_text(path: Path) -> str:
    """The content of a list of labels.

    Raises:
        FerError: it can't be read or is no UTF-8 text.
    """
    with files.open_regular(path) as file:
        return _text(str(path), file.read)


def say(line: str) -> None:
    """Tell the user something on stderr."""
    click.echo(line, err=True)
