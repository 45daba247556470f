"""Somebody's own faces, in folders by emotion."""

import re
from collections import Counter
from pathlib import Path, PurePosixPath

import click
import numpy as np
import pandas as pd

from fer import progress
from fer.data import images
from fer.data.faces import COLUMNS, Faces
from fer.data.files import open_regular, walk
from fer.emotions import CHALLENGE_ORDER, EMOTIONS
from fer.errors import FerError

# A wrong layout is wrong in every folder: naming a few says as much as naming all.
NAMED = 5

_USAGE_BY_FOLDER = {
    **dict.fromkeys(("train", "training"), "Training"),
    **dict.fromkeys(("val", "valid", "validation", "publictest"), "PublicTest"),
    **dict.fromkeys(("test", "testing", "privatetest"), "PrivateTest"),
}
_NUMBERS = ", ".join(f"{number} {emotion}" for number, emotion in enumerate(CHALLENGE_ORDER))


def load(folder: Path, size: int) -> Faces:
    """Read `<folder>/<emotion>/*` or `<folder>/{train,val,test}/<emotion>/*`.

    An emotion's folder is called by its word (`Happy`, `happiness`, `3_happiness`) or its number in FER2013
    (`3`). Nothing is divided here: without train/ and test/ the usage of every face is empty, and with these
    two alone there is no PublicTest; `splits` cuts what is missing.

    Args:
        folder: holds images of any size.
        size: side in pixels of the faces that they become, by `images.face`.

    Returns:
        The faces in the order of their names, which are the files' paths below the folder.

    Raises:
        FerError: a folder is no emotion, an emotion has too few faces, or an image can't be read.
    """
    found = _find(folder)
    _check_classes(found, folder)
    pixels = np.empty((len(found), size, size), np.uint8)
    with progress.bar(f"Reading {folder.name}", len(found)) as advance:
        for index, name in enumerate(found["name"]):
            path = folder / name
            with open_regular(path) as file:
                picture = images.decode(file.read(), str(path))
            pixels[index] = images.face(picture, size, str(path))
            advance()
    return Faces(pixels, found).canonical()


def _find(folder: Path) -> pd.DataFrame:
    """The table of the faces, before any is read."""
    rows = []
    strange = set()
    others: Counter[str] = Counter()
    for name in walk(folder):
        place = PurePosixPath(name)
        if place.suffix.lower() not in images.SUFFIXES:
            others[place.suffix.lower() or "without a suffix"] += 1
            continue
        above = place.parts[:-1]
        usage = _USAGE_BY_FOLDER.get(above[0].lower(), "") if above else ""
        words = above[1:] if usage else above
        emotion = emotion_of(words[0]) if words else None
        if emotion is None or len(words) > 1:
            strange.add(words[0] if words and emotion is None else "/".join(above))
        rows.append((name, usage, emotion))
    if strange:
        raise FerError(_explain(folder, sorted(strange)))
    if others:
        kinds = ", ".join(f"{suffix} {count:,}" for suffix, count in sorted(others.items())[:NAMED])
        click.echo(f"Passed over in {folder}: {others.total():,} files that are no images ({kinds}).", err=True)
    if not rows:
        raise FerError(f"{folder} holds no images ({', '.join(images.SUFFIXES)}). Check data.dataset.")
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    usages = set(found["usage"])
    if "" in usages and len(usages) > 1:
        raise FerError(f"{folder} holds both emotions and train/, val/ or test/ at its top. Keep one of the two.")
    if usages != {""} and not {"Training", "PrivateTest"} <= usages:
        raise FerError(f"{folder} must hold both train/ and test/, or the emotions' folders alone.")
    return found


def emotion_of(word: str) -> str | None:
    """The emotion that a folder's name means, or None; a name of digits alone is FER2013's number."""
    if not re.fullmatch("[0-9]+", word.strip()):
        return images.emotion_named(word)
    number = int(word)
    return CHALLENGE_ORDER[number] if number < len(CHALLENGE_ORDER) else None


def _explain(folder: Path, strange: list[str]) -> str:
    named = ", ".join(name or "its top" for name in strange[:NAMED])
    more = f" and {len(strange) - NAMED} more" if len(strange) > NAMED else ""
    numbered = any(name.strip().isdecimal() for name in strange)
    others = " Numbers are FER2013's; another set's mean other emotions: give its folders words." if numbered else ""
    return (
        f"{folder} holds images in folders that are no emotion's: {named}{more}. Understood are "
        f"{', '.join(EMOTIONS)}, their common synonyms, and FER2013's numbers ({_NUMBERS}), at the top or right "
        f"below train/, val/ and test/.{others} Rename or remove the rest."
    )


def _check_classes(found: pd.DataFrame, folder: Path) -> None:
    usages = set(found["usage"])
    # What is cut from a usage later needs a face of each emotion, too.
    needed = {"": 3, "Training": 1 if "PublicTest" in usages else 2}
    for usage in sorted(usages):
        counts = found.loc[found["usage"] == usage, "emotion"].value_counts()
        least = needed.get(usage, 1)
        for emotion in EMOTIONS:
            if counts.get(emotion, 0) < least:
                where = f"{folder} ({usage})" if usage else str(folder)
                raise FerError(
                    f"{where} has {counts.get(emotion, 0)} faces of {emotion}; at least {least} are needed: "
                    "every split must hold every emotion. Add some."
                )
