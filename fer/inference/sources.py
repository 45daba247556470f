"""From what a user names (files, folders, patterns, standard input) to pictures."""

import glob
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer.data import files, images
from fer.errors import FerError

STDIN = "-"
LARGEST_FILE = 1 << 30


@dataclass(frozen=True)
class Problem:
    """An input that could not be read.

    Attributes:
        name: what the user would call it.
        reason: one line, which names it.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Picture:
    """A decoded photo, upright.

    Attributes:
        name: the file, `-`, or `image 3` for what came from memory.
        grey: uint8 [H, W].
        group: the folder right above the file, for sets with one folder a class.
    """

    name: str
    grey: np.ndarray
    group: str = ""


def expand(paths: Iterable[str]) -> tuple[list[str], list[Problem]]:
    """The files that paths, folders and patterns mean, each once, in their order; and what means none.

    A folder stands for the images in it and below; whatever else lies there is passed over.

    Args:
        paths: as a user types them; `-` is standard input.
    """
    found: dict[str, None] = {}
    problems = []
    for path in paths:
        try:
            names = list(_meant(path))
        except FerError as error:
            problems.append(Problem(path, error.message))
            continue
        if not names:
            problems.append(Problem(path, f"{path}: there is no such file, and no image matches."))
        found.update(dict.fromkeys(names))
    return list(found), problems


def _meant(path: str) -> Iterator[str]:
    if path == STDIN:
        yield path
        return
    place = files.expanded(path)
    if place.is_dir():
        names = (str(place / name) for name in files.walk(place))
        yield from (name for name in names if name.lower().endswith(images.SUFFIXES))
    elif place.exists() or place.is_symlink():
        yield str(place)
    else:
        yield from sorted(name for name in glob.glob(str(place), recursive=True) if not Path(name).is_dir())


def read(name: str, megapixels: float = images.MAX_MEGAPIXELS) -> Picture | Problem:
    """Read one picture; whatever is wrong with it is the answer, not an exception.

    Args:
        name: one of those that `expand` gave.
        megapixels: a larger picture is a problem.
    """
    try:
        if name == STDIN:
            data = sys.stdin.buffer.read(LARGEST_FILE + 1)
        else:
            with files.open_regular(Path(name)) as file:
                data = file.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            return Problem(name, f"{name} is larger than 1 GB.")
        return Picture(name, grey(data, name, megapixels), Path(name).parent.name)
    except FerError as error:
        return Problem(name, error.message)
    except (MemoryError, OSError) as error:
        return Problem(name, f"{name} can't be read ({error or 'the memory is full'}).")


def grey(data: bytes, name: str, megapixels: float = images.MAX_MEGAPIXELS) -> np.ndarray:
    """The upright grey levels of a file's content, uint8 [H, W].

    Raises:
        FerError: it is no picture, or too large.
    """
    from PIL import ImageOps

    image = images.decode(data, name, megapixels, grey=True)
    return np.ascontiguousarray(images.grey_of(ImageOps.exif_transpose(image), name))
