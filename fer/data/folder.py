"""Somebody's own faces, in folders by emotion."""

from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from fer.data import archives, images, progress
from fer.data.faces import COLUMNS, SIZE, Faces
from fer.emotions import EMOTIONS, USAGES
from fer.errors import FerError

# Shares of the three usages where the folder brings no split of its own.
SHARES = (0.8, 0.1, 0.1)

_USAGE_BY_FOLDER = {
    **dict.fromkeys(("train", "training"), "Training"),
    **dict.fromkeys(("val", "valid", "validation", "publictest"), "PublicTest"),
    **dict.fromkeys(("test", "testing", "privatetest"), "PrivateTest"),
}


def load(folder: Path, seed: int) -> Faces:
    """Read `<folder>/<emotion>/*` or `<folder>/{train,val,test}/<emotion>/*`.

    Without a split of its own each emotion is cut 80/10/10 into Training, PublicTest and PrivateTest; with
    train and test alone, a tenth of each emotion of train becomes PublicTest. Names are the files' paths.
    Any picture becomes its central square, grey, area-resized to 48 x 48.

    Args:
        folder: holds images of any size; the names of the emotions may be capital or common synonyms.
        seed: decides the cut; the same names and seed give the same one on every machine.

    Raises:
        FerError: a folder is no emotion, an emotion has too few faces, or an image can't be read.
    """
    found = _find(folder)
    _check_classes(found, folder)
    rng = np.random.default_rng(seed)
    usages = set(found["usage"])
    if usages == {""}:
        found["usage"] = _cut(found, rng, dict(zip(USAGES, SHARES, strict=True)))
    elif "Training" not in usages or "PrivateTest" not in usages:
        raise FerError(f"{folder} must hold both train/ and test/, or the emotions' folders alone.")
    elif "PublicTest" not in usages:
        train = found["usage"] == "Training"
        found.loc[train, "usage"] = _cut(found[train], rng, {"Training": 0.9, "PublicTest": 0.1})
    pixels = np.empty((len(found), SIZE, SIZE), np.uint8)
    with progress.bar(f"Reading {folder.name}", len(found)) as advance:
        for index, name in enumerate(found["name"]):
            path = folder / name
            pixels[index] = images.face(images.decode(path.read_bytes(), str(path)))
            advance()
    return Faces(pixels, found).canonical()


def _find(folder: Path) -> pd.DataFrame:
    rows = []
    for name in archives.walk(folder):
        place = PurePosixPath(name)
        if place.suffix.lower() not in images.SUFFIXES:
            continue
        *above, word = place.parts[:-1] or ("",)
        emotion = images.emotion_named(word)
        if emotion is None or len(above) > 1:
            raise FerError(
                f"{folder / name}: {word or 'the top folder'} is no emotion's folder. Sort the images into "
                f"{', '.join(EMOTIONS)}, or into these below train/, val/ and test/."
            )
        usage = _USAGE_BY_FOLDER.get(above[0].lower()) if above else ""
        if usage is None:
            raise FerError(f"{folder / above[0]} is none of train/, val/ and test/. Rename or remove it.")
        rows.append((name, usage, emotion))
    if not rows:
        raise FerError(f"{folder} holds no images ({', '.join(images.SUFFIXES)}). Check data.dataset.")
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    if found["usage"].eq("").any() and found["usage"].ne("").any():
        raise FerError(f"{folder} holds both emotions and train/, val/ or test/ at its top. Keep one of the two.")
    return found


def _check_classes(found: pd.DataFrame, folder: Path) -> None:
    for usage in sorted(set(found["usage"])):
        part = found[found["usage"] == usage]
        least = len(USAGES) if usage == "" else 1
        counts = part["emotion"].value_counts()
        for emotion in EMOTIONS:
            if counts.get(emotion, 0) < least:
                where = f"{folder} ({usage})" if usage else str(folder)
                raise FerError(
                    f"{where} has {counts.get(emotion, 0)} faces of {emotion}; at least {least} are needed: "
                    "every split must hold every emotion. Add some."
                )


def _cut(found: pd.DataFrame, rng: np.random.Generator, shares: dict[str, float]) -> np.ndarray:
    """A usage for each row, drawn per emotion; every usage but the first gets at least one face of each."""
    usage = np.full(len(found), next(iter(shares)), dtype=object)
    emotions = found["emotion"].to_numpy()
    for emotion in EMOTIONS:
        rows = rng.permutation(np.flatnonzero(emotions == emotion))
        start = 0
        for name, share in list(shares.items())[1:]:
            count = min(max(1, round(share * len(rows))), len(rows) - start - 1)
            usage[rows[start : start + count]] = name
            start += count
    return usage
