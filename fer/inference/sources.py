"""From what a user names (files, folders, patterns, standard input) to pictures."""

import functools
import glob
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from fer.data import files, images
from fer.errors import FerError

if TYPE_CHECKING:
    from PIL.Image import Image

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
    """

    name: str
    grey: np.ndarray


def expand(paths: Iterable[str], output: Path | None = None) -> tuple[list[str], list[Problem]]:
    """The files that paths, folders and patterns mean, each once, in their order; and what means none.

    A folder stands for the images in it and below; whatever else lies there is passed over.

    Args:
        paths: as a user types them; `-` is standard input.
        output: a folder for results: what lies there was made by an earlier run.
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
        found.update((name, None) for name in names if output is None or not _lies_in(name, output))
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


def _lies_in(name: str, folder: Path) -> bool:
    return name != STDIN and Path(os.path.abspath(name)).is_relative_to(os.path.abspath(folder))


def read(name: str, megapixels: float = images.MAX_MEGAPIXELS) -> Picture | Problem:
    """Read one picture; whatever is wrong with it is the answer, not an exception.

    Args:
        name: one of those that `expand` gave.
        megapixels: a larger picture is a problem.
    """
    try:
        return Picture(name, grey(_content(name), name, megapixels))
    except FerError as error:
        return Problem(name, error.message)
    except (MemoryError, OSError) as error:
        return Problem(name, f"{name} can't be read ({error or 'the memory is full'}).")


def colour(name: str, megapixels: float = images.MAX_MEGAPIXELS) -> "Image":
    """Read one picture once more, upright, as RGB.

    Raises:
        FerError: it can't be read.
    """
    from PIL import Image, ImageOps

    try:
        image = ImageOps.exif_transpose(images.decode(_content(name), name, megapixels))
    except OSError as error:
        raise FerError(f"{name} can't be read ({error}).") from error
    if image.mode in ("RGB", "RGBA", "P", "CMYK"):
        return image.convert("RGB")
    return Image.fromarray(images.grey_of(image, name)).convert("RGB")  # 16 bits and floats are scaled there


def _content(name: str) -> bytes:
    if name == STDIN:
        data = _once(sys.stdin.buffer)
    else:
        with files.open_regular(Path(name)) as file:
            data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise FerError(f"{name} is larger than 1 GB.")
    return data


@functools.lru_cache(1)
def _once(stream: IO[bytes]) -> bytes:
    """What standard input holds: it can be read but once, and an annotated copy needs it again."""
    return stream.read(LARGEST_FILE + 1)


def grey(data: bytes, name: str, megapixels: float = images.MAX_MEGAPIXELS) -> np.ndarray:
    """The upright grey levels of a file's content, uint8 [H, W].

    Raises:
        FerError: it is no picture, or too large.
    """
    from PIL import ImageOps

    image = images.decode(data, name, megapixels, grey=True)
    return np.ascontiguousarray(images.grey_of(ImageOps.exif_transpose(image), name))
