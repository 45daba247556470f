"""Labels of images: from the names of folders, from numbers, and from lists."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from fer.data import images
from fer.emotions import EMOTIONS
from fer.errors import FerError

CONTEMPT: Final = "contempt"
"""A class of some data sets that is none of the seven emotions; its faces are left out and counted."""

SHOWN: Final = 5  # names in a message: a wrong layout is wrong in every folder

_SYNONYMS = {
    "angry": ("anger", "ang", "an"),
    "disgust": ("disgusted", "dis", "di"),
    "fear": ("fearful", "afraid", "scared", "fea", "fe"),
    "happy": ("happiness", "joy", "joyful", "hap", "ha"),
    "neutral": ("neutrality", "calm", "neu", "ne"),
    "sad": ("sadness", "unhappy", "sa"),
    "surprise": ("surprised", "sur", "su"),
}
_BY_WORD = {word: emotion for emotion in EMOTIONS for word in (emotion, *_SYNONYMS[emotion])}

_USAGE_BY_FOLDER = {
    **dict.fromkeys(("train", "training", "train_set", "train_class"), "Training"),
    **dict.fromkeys(("val", "valid", "validation", "publictest", "val_set", "val_class"), "PublicTest"),
    **dict.fromkeys(("test", "testing", "privatetest"), "PrivateTest"),
}


@dataclass(frozen=True)
class Label:
    """The label of one picture.

    Attributes:
        emotion: one of `EMOTIONS`, or the reason why the picture is left out (`contempt`, `no majority`).
        usage: Training, PublicTest or PrivateTest; empty where the data set is not divided.
        box: left, top, right and bottom of the face in the picture, in pixels; None for the whole picture.
    """

    emotion: str
    usage: str = ""
    box: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class Naming:
    """The names of a data set's classes.

    Attributes:
        numbers: the class of each number; empty if the classes have no published numbers.
        others: classes besides the seven emotions.
        asks: how the user can name the data set that numbers belong to, for an error message.
    """

    numbers: Mapping[int, str]
    others: tuple[str, ...] = ()
    asks: str = ""

    def emotion(self, text: str) -> str | None:
        """The class that a folder's name or a cell means; None if it means none.

        A word may have synonyms, other letter case, and a number beside it (`3_happiness`), which says nothing. A
        number alone is written without leading zeros: `01` is a month or a person.
        """
        text = text.strip()
        if re.fullmatch("[0-9]+", text):
            return self.numbers.get(int(text)) if text == str(int(text)) else None
        word = re.sub(r"[\W\d_]+", "", text.lower())
        return word if word in self.others else _BY_WORD.get(word)


WORDS_ALONE: Final = Naming({})


def emotion_named(text: str) -> str | None:
    """The emotion that a word means (`Anger`, `3_happiness`, ` SAD `), or None."""
    return WORDS_ALONE.emotion(text)


def by_layout(names: Iterable[str], naming: Naming, where: str) -> dict[str, Label]:
    """Labels of `<emotion>/*` or `<train, val or test>/<emotion>/*`.

    Args:
        names: of pictures, relative to the data set's top.
        naming: what the folders are called.
        where: the data set, for messages.

    Raises:
        FerError: a picture is not in a folder of an emotion, or only a part of the set is divided.
    """
    found, strange = {}, set()
    for name in names:
        above = PurePosixPath(name).parts[:-1]
        usage = _USAGE_BY_FOLDER.get(above[0].lower(), "") if above else ""
        words = above[1:] if usage else above
        emotion = naming.emotion(words[0]) if words else None
        if emotion is None or len(words) > 1:
            strange.add(words[0] if words and emotion is None else "/".join(above))
        else:
            found[name] = Label(emotion, usage)
    if strange:
        raise FerError(_explain(where, strange, naming, "at the top or right below train/, val/ and test/"))
    usages = {label.usage for label in found.values()}
    if "" in usages and len(usages) > 1:
        raise FerError(f"{where} holds both emotions and train/, val/ or test/ at its top. Keep one of the two.")
    return found


def by_any_folder(names: Iterable[str], naming: Naming, where: str) -> tuple[dict[str, Label], dict[str, str]]:
    """Labels by the one folder above each picture that is called by an emotion, at any depth.

    Args:
        names: of pictures, relative to the folder that was named.
        naming: what the folders are called.
        where: that folder, for messages.

    Returns:
        The label of each picture, and the class of each folder that decided one, by the folder's name.

    Raises:
        FerError: a picture is below no such folder, or below two of different emotions.
    """
    found: dict[str, Label] = {}
    folders: dict[str, str] = {}
    strange = set()
    for name in names:
        above = PurePosixPath(name).parts[:-1]
        meant = {word: emotion for word in above if (emotion := naming.emotion(word)) is not None}
        if len(set(meant.values())) == 1:
            folders |= meant
            found[name] = Label(next(iter(meant.values())))
        else:
            strange.add("/".join(above) if meant else "/".join(above[-1:]))
    if strange:
        raise FerError(_explain(where, strange, naming, "at any depth, one for each picture"))
    return found, dict(sorted(folders.items()))


def _explain(where: str, strange: set[str], naming: Naming, place: str) -> str:
    names = sorted(strange)
    named = ", ".join(name or "its top" for name in names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    if not naming.numbers and naming.asks and any(name.rpartition("/")[2].isdecimal() for name in names):
        return (
            f"{where} holds images in folders called by numbers: {named}{more}. Each data set numbers the emotions "
            f"in its own way: {naming.asks}, or give the folders words."
        )
    numbers = ", ".join(f"{number} {emotion}" for number, emotion in naming.numbers.items())
    known = [*EMOTIONS, *naming.others, "their common synonyms", *([f"the numbers {numbers}"] if numbers else [])]
    return (
        f"{where} holds images in folders that are no emotion's: {named}{more}. Known are {', '.join(known)}, {place}. "
        "Rename or remove the rest."
    )


def check_usages(found: Mapping[str, Label], where: str) -> None:
    """Check that a divided set has both a part to train on and a part to test on.

    Raises:
        FerError: it has not.
    """
    usages = {label.usage for label in found.values()}
    if usages != {""} and not {"Training", "PrivateTest"} <= usages:
        raise FerError(f"{where} must hold both train/ and test/, or the emotions' folders alone.")


def common_folder_length(names: Sequence[str]) -> int:
    """The length of the folders that all names have in common, such as `CK+48/`, in characters.

    Folders that are named after an emotion or a usage do not count.
    """
    parts = [PurePosixPath(name).parts[:-1] for name in names]
    length = 0
    for level in zip(*parts, strict=False):
        word = level[0]
        if len(set(level)) > 1 or word.lower() in _USAGE_BY_FOLDER or word.isdecimal() or emotion_named(word):
            break
        length += len(word) + 1
    return length


def read_csv(text: str, name: str, columns: Mapping[str, Sequence[str]]) -> Iterable[dict[str, str]]:
    """The rows of a CSV, with the columns that are asked for.

    Args:
        text: the file's content.
        name: the file's name, for messages.
        columns: what to call each column, and the headings under which it may stand, in any letter case.

    Raises:
        FerError: a column is missing, or the text is no CSV.
    """
    try:
        lines = csv.reader(text.lstrip("\ufeff").splitlines())
        head = [cell.strip().lower() for cell in next(lines, [])]
        places = {}
        for key, headings in columns.items():
            place = next((head.index(heading) for heading in headings if heading in head), None)
            if place is None:
                raise FerError(f"{name} has no column {headings[0]}; it has {', '.join(head)[:200] or 'none'}.")
            places[key] = place
        rows = []
        for number, row in enumerate(lines, start=1):
            if row and len(row) != len(head):
                raise FerError(f"{name}, row {number}: {len(row)} cells, {len(head)} expected. Is it cut off?")
            if row:
                rows.append({key: row[place].strip() for key, place in places.items()})
    except csv.Error as error:
        raise FerError(f"{name} is no readable CSV ({error}). Fetch it again.") from error
    return rows


def match_paths(names: Iterable[str], labels: Mapping[str, Label]) -> dict[str, Label]:
    """Labels for the pictures that a list names, however many folders stand above its paths.

    Args:
        names: of pictures.
        labels: by the path of the picture as the list writes it.
    """
    found = {}
    for name in names:
        parts = PurePosixPath(name).parts
        for start in range(len(parts)):
            label = labels.get("/".join(parts[start:]))
            if label is not None:
                found[name] = label
                break
    return found


def pictures_among(names: Iterable[str]) -> tuple[list[str], Counter[str]]:
    """The names of pictures, and how many other files there are of each suffix."""
    found, others = [], Counter[str]()
    for name in names:
        suffix = PurePosixPath(name).suffix.lower()
        if suffix in images.SUFFIXES:
            found.append(name)
        else:
            others[suffix or "without a suffix"] += 1
    return found, others
