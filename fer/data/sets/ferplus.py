"""FER+ (Barsoum et al. 2016): FER2013's pictures, each labelled anew by ten people."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from fer.data import labels
from fer.data.labels import CONTEMPT, Label, Naming
from fer.data.sets.base import INCOMING, say
from fer.data.sets.fer2013 import Fer2013
from fer.data.sets.pictures import PictureSet, read_text, without_others
from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.sizes import FACE

if TYPE_CHECKING:
    import numpy as np

    from fer import config
    from fer.data.faces import Faces

# In the order of FER+'s columns.
CLASSES: Final = {
    "neutral": "neutral",
    "happiness": "happy",
    "surprise": "surprise",
    "sadness": "sad",
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "contempt": CONTEMPT,
    "unknown": "unknown",
    "NF": "no face",
}
VOTED: Final = (*EMOTIONS, *(label for label in CLASSES.values() if label not in EMOTIONS))
"""The labels in the order of `FerPlus.count`."""
NO_MAJORITY: Final = "no majority"
_VOTERS = 10  # on each picture


class FerPlus(PictureSet):
    """FER2013 as `fer2013` finds it, and the votes, found in the same ways.

    The votes are FER+'s own `fer2013new.csv`, whose rows are those of `fer2013.csv` and whose `Image name` is that of
    the pictures which FER+'s scripts write (`fer0000000.png`); or a CSV with the same columns of votes and the name of
    each picture (`name`, such as `Training_10118481`). A class with more than half of the votes is the label; single
    votes do not count, as in the authors' own preparation. Other pictures are left out.
    """

    name = "ferplus"
    title = "FER+"
    naming = Naming(dict(enumerate(list(CLASSES.values())[:8])), (CONTEMPT,))
    side = FACE
    incoming = ("ferplus*", "fer2013new*", "FERPlus*")
    download_host = Fer2013.download_host
    lists = ("ferplus.csv", "fer2013new.csv")
    _pictures = Fer2013()

    @property
    def choices(self) -> str:
        """What a user can do if no copy was found."""
        return (
            f"Set {self.variable} to FER+'s fer2013new.csv (github.com/microsoft/FERPlus), or put it into "
            f"{INCOMING}/. The pictures are FER2013's, which must be there as well. {self._pictures.choices}"
        )

    def sources(self, settings: "config.Data") -> list[Path]:
        """The votes, and the local copy of FER2013 if there is one."""
        pictures = self._pictures.find()
        return [self._votes_file(), *([] if pictures is None else [pictures])]

    def votes_on(self, settings: "config.Data") -> Path | None:
        """The file of votes on the faces that `data.dataset` names; None for other faces than FER2013's, or no copy.

        Raises:
            FerError: the environment variable, or a folder, names no such file.
        """
        return self._votes_file() if settings.dataset == self._pictures.name and self.find() else None

    def count(self, path: Path, names: Sequence[str]) -> "np.ndarray":
        """How many people chose each class.

        Args:
            path: the file of votes.
            names: of all faces of FER2013, as `Faces` names them.

        Returns:
            int64 [N, 10], in the order of `VOTED`; zeros for a face without votes.

        Raises:
            FerError: the file is damaged, or goes by rows that these faces do not have.
        """
        import numpy as np

        pictures = [name.partition("/")[2] for name in names]
        found = self._votes(read_text(path), str(path), pictures, complete=True)
        return np.array([[found.get(picture, {}).get(label, 0) for label in VOTED] for picture in pictures], np.int64)

    def _votes_file(self) -> Path:
        path = self.find()
        if path is None:
            raise FerError(f"FER+'s votes were not found. {self.choices}.")
        if path.is_dir():
            found = next((path / name for name in self.lists if (path / name).is_file()), None)
            if found is None:
                raise FerError(f"{path} holds neither {' nor '.join(self.lists)}.")
            return found
        return path

    def load(self, settings: "config.Data") -> "Faces":
        """As `DataSet.load`: the faces of FER2013 whose label is one of the seven."""
        import numpy as np
        import pandas as pd

        from fer.data.faces import COLUMNS, Faces

        path = self._votes_file()
        text = read_text(path)  # before half a minute of reading pictures
        faces = self._pictures.load(settings)
        names = [name.partition("/")[2] for name in faces.table["name"]]
        found = self._labelled(text, str(path), names, complete=True)
        chosen = without_others(found, self.title)
        if len(found) < len(names):
            say(f"Left out of FER+: {len(names) - len(found):,} pictures without votes.")
        rows = [row for row, name in enumerate(names) if name in chosen]
        table = pd.DataFrame(
            [(f"{chosen[names[row]].emotion}/{names[row]}", faces.table["usage"].iloc[row], chosen[names[row]].emotion)
             for row in rows],
            columns=list(COLUMNS),
        )  # fmt: skip
        counts = Counter(table["emotion"])
        if min(counts[emotion] for emotion in EMOTIONS) == 0:
            raise FerError(f"{path} names no picture of some emotions. Fetch FER+ again.")
        return Faces(np.asarray(faces.images)[rows], table).canonical()

    def read_lists(self, texts: Mapping[str, str], names: Collection[str]) -> dict[str, Label] | None:
        """As `PictureSet.read_lists`; without a list beside the pictures, the votes are looked for as always."""
        if not texts:
            path = self._votes_file()
            texts = {str(path): read_text(path)}
        name, text = next(iter(texts.items()))
        stems = {PurePosixPath(path).stem: path for path in names}
        found = self._labelled(text, name, list(stems), complete=False)
        return {stems[stem]: label for stem, label in found.items()}

    def _labelled(self, text: str, name: str, pictures: list[str], *, complete: bool) -> dict[str, Label]:
        """The label of each picture, as `_votes` reads them; those without votes have none."""
        found = self._votes(text, name, pictures, complete=complete)
        return {picture: Label(_majority(votes)) for picture, votes in found.items()}

    def _votes(self, text: str, name: str, pictures: list[str], *, complete: bool) -> dict[str, dict[str, int]]:
        """How many people chose each label, for the pictures that have votes.

        Args:
            text: the list of votes.
            name: of the list, for messages.
            pictures: their names, such as `Training_10118481`.
            complete: whether the pictures are all of FER2013's.
        """
        columns: dict[str, tuple[str, ...]] = {key: (key.lower(),) for key in CLASSES}
        by_row = "name" not in text.lstrip("\ufeff").partition("\n")[0].lower().strip().split(",")
        columns |= {"usage": ("usage",), "name": ("image name",)} if by_row else {"name": ("name",)}
        found = {}
        known = set(pictures)
        numbered = {int(digits): picture for picture in pictures if (digits := picture.partition("_")[2]).isdecimal()}
        if by_row and complete and numbered.keys() != set(range(1, len(pictures) + 1)):
            raise FerError(
                f"{name} goes by the rows of fer2013.csv, but the pictures bear other numbers. Use FER2013's CSV "
                "edition, or votes with a column name."
            )
        for number, row in enumerate(labels.read_csv(text, name, columns), start=1):
            picture = PurePosixPath(row["name"]).stem
            if by_row and picture not in known:
                picture = numbered.get(number, "")
                if picture and not picture.startswith(f"{row['usage']}_"):
                    raise FerError(f"{name}, row {number} is of {row['usage']}, but the picture is {picture}.")
            if picture in known:
                # FER+ names no picture in which its authors saw no face.
                found[picture] = _counts(row, f"{name}, row {number}") if row["name"] else {CLASSES["NF"]: _VOTERS}
        return found


def _counts(row: Mapping[str, str], where: str) -> dict[str, int]:
    try:
        return {label: int(row[column]) for column, label in CLASSES.items()}
    except ValueError as error:
        raise FerError(f"{where}: a vote is no whole number. Fetch FER+ again.") from error


def _majority(votes: Mapping[str, int]) -> str:
    counted = {label: count for label, count in votes.items() if count > 1}
    best = max(counted, key=lambda label: counted[label], default=NO_MAJORITY)
    return best if 2 * counted.get(best, 0) > sum(counted.values()) else NO_MAJORITY
