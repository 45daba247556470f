"""Every form in which FER2013 (Goodfellow et al. 2013) is handed around, read into one `Faces`.

- A tree of images, `<anything>/<emotion>/<Usage>_<id>.jpg`, as a folder, .zip or .tar.*.
- `fer2013.csv` (emotion,pixels,Usage) and `icml_face_data.csv` (the same with spaces in its column names),
  plain, compressed, or inside a folder, .zip or .tar.*.

Where a container holds several editions, a CSV wins over images: it holds the original pixels, and the
images are JPEG copies of it.
"""

import csv
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from fer import progress
from fer.data import archives, files, images, labels
from fer.data.faces import COLUMNS, Faces
from fer.emotions import CHALLENGE_ORDER, EMOTIONS, USAGES
from fer.errors import FerError
from fer.sizes import FACE

FACES = 35_887
CSV_NAMES = ("fer2013.csv", "icml_face_data.csv")
MAX_IMAGE_BYTES = 1 << 20

_USAGE_BY_WORD = {usage.lower(): usage for usage in USAGES}
_VALUES = {str(value): value for value in range(256)}


class _Collector:
    """Faces as they are read; the same face twice in one container (a tree packed twice) counts once."""

    def __init__(self, advance: Callable[[], None]) -> None:
        self._rows: dict[str, tuple[str, str, np.ndarray]] = {}
        self._advance = advance

    def add(self, name: str, usage: str, emotion: str, image: np.ndarray) -> None:
        known = self._rows.get(name)
        if known is not None and not np.array_equal(known[2], image):
            raise FerError(f"Two different images are called {name}. Use one unaltered copy of FER2013.")
        if len(self._rows) >= files.MAX_FILES:
            raise FerError(f"This is no FER2013: more than {files.MAX_FILES:,} faces. Check the file.")
        self._rows[name] = (usage, emotion, image)
        self._advance()

    def faces(self) -> Faces:
        stack = [row[2] for row in self._rows.values()]
        rows = [(name, usage, emotion) for name, (usage, emotion, _) in self._rows.items()]
        pixels = np.stack(stack) if stack else np.empty((0, FACE, FACE), np.uint8)
        return Faces(pixels, pd.DataFrame(rows, columns=list(COLUMNS))).canonical()


def read(path: Path) -> Faces:
    """Read whichever edition lies at `path`; the result is sorted by name.

    Names are `<emotion>/<Usage>_<id>`, with the file's own id, or the row's number in a CSV.

    Raises:
        FerError: nothing of FER2013 is there, or what is there is damaged, hostile or altered.
    """
    path = locate(path)
    with archives.reading(path), progress.bar(f"Reading {path.name}", FACES) as advance:
        tree = _Collector(advance)
        for name, stream in archives.members(path, _wanted):
            if not name.lower().endswith(images.SUFFIXES):
                table = _Collector(advance)
                _read_csv(name, stream, table)
                return table.faces()
            _read_image(name, stream, tree)
        faces = tree.faces()
    if not len(faces):
        raise FerError(
            f"{path} holds no FER2013: neither train/<emotion>/*.jpg nor {' nor '.join(CSV_NAMES)}. "
            "If it holds another archive, unpack that one."
        )
    return faces


def locate(path: Path) -> Path:
    """The path itself, or the one archive that a folder holds instead of data.

    Raises:
        FerError: the folder holds several archives, or the file is of no known kind.
    """
    if not path.is_dir():
        if not archives.is_archive(path.name) and ".csv" not in path.name.lower():
            raise FerError(f"{path} is neither a folder nor a .zip, .tar, .tar.gz/.bz2/.xz or .csv file.")
        return path
    names = files.walk(path, files.MAX_FILES)
    packed = [name for name in names if archives.is_archive(name)]
    if any(map(_wanted, names)) or not packed:
        return path
    if len(packed) > 1:
        raise FerError(f"{path} holds several archives ({', '.join(packed)}). Leave one, or unpack the right one.")
    return path / packed[0]


def _wanted(name: str) -> bool:
    file = name.lower().rpartition("/")[2]
    for suffix in archives.COMPRESSED:
        file = file.removesuffix(suffix)
    return file.endswith(images.SUFFIXES) or file in CSV_NAMES


def _read_image(name: str, stream: IO[bytes], into: _Collector) -> None:
    above, _, file = name.rpartition("/")
    word = above.rpartition("/")[2]
    prefix, _, number = file.rpartition(".")[0].partition("_")
    emotion = labels.emotion_named(word)
    if emotion is None:
        raise FerError(f"{name}: {word or 'no folder'} is no emotion. The folders are {', '.join(EMOTIONS)}.")
    usage = _USAGE_BY_WORD.get(prefix.lower())
    if usage is None:
        raise FerError(
            f"{name} doesn't begin with Training_, PublicTest_ or PrivateTest_, so the official split is "
            "lost. Use an edition with those names or a CSV, or set data.dataset to the folder for a new one."
        )
    data = stream.read(MAX_IMAGE_BYTES + 1)
    if len(data) > MAX_IMAGE_BYTES:
        raise FerError(f"{name} is larger than 1 MB; a face of FER2013 has about 2 kB. Use an unaltered copy.")
    pixels = images.grey_of(images.decode(data, name), name)
    if pixels.shape != (FACE, FACE):
        height, width = pixels.shape
        raise FerError(f"{name} has {width} x {height} pixels instead of 48 x 48. Use an unaltered copy of FER2013.")
    into.add(f"{emotion}/{usage}_{number}", usage, emotion, pixels)


def _read_csv(name: str, stream: IO[bytes], into: _Collector) -> None:
    try:
        lines = csv.reader(io.TextIOWrapper(stream, encoding="utf-8-sig", newline=""))
        columns = [column.strip().lower() for column in next(lines, [])]
        for column in ("emotion", "pixels", "usage"):
            if column not in columns:
                raise FerError(f"{name} has no column {column}; it has {', '.join(columns) or 'none'}.")
        emotion, pixels, usage = (columns.index(column) for column in ("emotion", "pixels", "usage"))
        for number, row in enumerate(lines, start=1):
            if not row:
                continue
            if len(row) != len(columns):
                raise FerError(f"{name}, row {number}: {len(row)} cells, {len(columns)} expected. Is it cut off?")
            _add_row(f"{name}, row {number}", number, row[emotion], row[usage], row[pixels].split(), into)
    except (UnicodeDecodeError, csv.Error) as error:
        raise FerError(f"{name} is no readable CSV ({error}). Fetch it again.") from error


def _add_row(where: str, number: int, label: str, usage: str, pixels: Iterable[str], into: _Collector) -> None:
    label, usage, pixels = label.strip(), usage.strip(), list(pixels)
    if label not in _VALUES or _VALUES[label] >= len(CHALLENGE_ORDER):
        raise FerError(f"{where}: the emotion {label!r} is no whole number from 0 to 6.")
    if usage.lower() not in _USAGE_BY_WORD:
        raise FerError(f"{where}: the usage {usage!r} is none of {', '.join(USAGES)}.")
    if len(pixels) != FACE * FACE:
        raise FerError(f"{where}: {len(pixels)} pixels, {FACE * FACE} expected. Is the file cut off or altered?")
    try:
        image = np.frombuffer(bytes(map(_VALUES.__getitem__, pixels)), np.uint8).reshape(FACE, FACE)
    except KeyError as error:
        raise FerError(f"{where}: the pixel {error.args[0]!r} is no whole number from 0 to 255.") from error
    emotion, usage = CHALLENGE_ORDER[_VALUES[label]], _USAGE_BY_WORD[usage.lower()]
    into.add(f"{emotion}/{usage}_{number:05d}", usage, emotion, image)
