"""Data sets of picture files, labelled by lists or by the names of their folders."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from fer.data import archives, files, images, labels
from fer.data.labels import Label
from fer.data.sets.base import DataSet, say
from fer.emotions import EMOTIONS, USAGES
from fer.errors import FerError

if TYPE_CHECKING:
    from fer import config
    from fer.data.faces import Faces


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
            found = {
                name: replace(label, usage="PrivateTest") if label.usage == "PublicTest" else label
                for name, label in found.items()
            }
        labels.check_usages(found, str(path))
        return without_others(found, str(path))

    def _by_folders(self, pictures: list[str], where: str) -> dict[str, Label]:
        skipped = labels.common_folder_length(pictures)
        found = labels.by_layout([name[skipped:] for name in pictures], self.naming, where)
        return {name: found[name[skipped:]] for name in pictures}

    def _check_classes(self, found: Mapping[str, Label], where: str) -> None:
        counts = Counter((label.usage, label.emotion) for label in found.values())
        usages = {usage for usage, _ in counts}
        # What is cut from a usage later needs a face of each emotion, too.
        needed = {"": 3, "Training": 1 if "PublicTest" in usages else 2}
        for usage in ("", *USAGES):
            least = needed.get(usage, 1)
            few = [emotion for emotion in EMOTIONS if usage in usages and counts[usage, emotion] < least]
            if few:
                named = ", ".join(f"{emotion} ({counts[usage, emotion]})" for emotion in few)
                raise FerError(
                    f"{where}{f' ({usage})' if usage else ''} has too few faces of {named}. Every split must hold "
                    f"every emotion, so at least {least} of each are needed. Add some."
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
