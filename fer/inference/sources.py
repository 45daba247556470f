"""Reads the pictures that a user names: files, folders, patterns, standard input."""

import glob
import io
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from fer.data import files, images
from fer.errors import FerError
from fer.inference import url
from fer.inference.frame import Frame, Problem, attempt, from_image
from fer.inference.results import made_among
from fer.inference.text import one_line, printable

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")
STDIN = "-"
LARGEST_FILE = 1 << 30  # bytes
_LONGEST_START = 12  # bytes that tell a video from a photo
_VIDEOS = (b"\x1a\x45\xdf\xa3", b"FLV", b"\x30\x26\xb2\x75", b"\x00\x00\x01\xba")  # Matroska, Flash, ASF, MPEG
_READERS, _AHEAD = 2, 8  # threads; pictures that are decoded ahead at most
_AHEAD_BYTES = 200_000_000  # of pictures that are decoded ahead, if all are as large as the last one


def expand(
    paths: Iterable[str], made_by_fer: Callable[[str], bool] = lambda name: False, *, urls: bool = False
) -> tuple[list[str], list[Problem]]:
    """The files that paths, folders and patterns stand for, without repetition, and the arguments that match none.

    A folder stands for all images below it; other files in it are ignored.

    Args:
        paths: as a user types them; `-` is standard input.
        made_by_fer: whether a file is the output of an earlier run; such files in folders and patterns are ignored.
        urls: whether addresses on the web are among them.
    """
    found: dict[tuple[str, str], str] = {}
    problems = []
    for path in paths:
        try:
            names = [path] if urls and url.is_url(path) else list(_expand_one(path, made_by_fer))
        except FerError as error:
            problems.append(Problem(path, error.message))
            continue
        except Exception as error:  # the name is too long, or the pattern invalid
            problems.append(Problem(path, f"{_shortened(path)} can't be looked up ({one_line(error)})."))
            continue
        if not names:
            problems.append(Problem(path, f"{_shortened(path)}: {_why_nothing(path)}."))
        for name in names:
            if isinstance(name, Problem):
                problems.append(name)
            else:
                found.setdefault(_identity(name), name)
    return list(found.values()), problems


def _expand_one(path: str, made_by_fer: Callable[[str], bool]) -> Iterator[str | Problem]:
    if not path:
        raise FerError("A path is empty. For the current folder, write a dot.")
    if path == STDIN:
        yield path
        return
    _refuse_address(path)
    expanded = files.expanded(path)
    if expanded.is_dir():
        found = _images_below(expanded)
        yield from (name for name in found if isinstance(name, Problem) or not made_by_fer(name))
    elif expanded.exists() or expanded.is_symlink():
        yield str(expanded)
    else:
        matches = (name for name in glob.glob(str(expanded), recursive=True) if not Path(name).is_dir())
        yield from sorted(name for name in matches if not made_by_fer(name))


def _why_nothing(path: str) -> str:
    """Why a path stands for no image."""
    if files.expanded(path).is_dir():
        return "there are no images in this folder"
    return "no image matches this pattern" if glob.has_magic(path) else "there is no such file or folder"


def _refuse_address(name: str) -> None:
    if url.is_url(name):
        raise FerError(f"{_shortened(name)} is a web address. To download it, use fer predict --url.")
    if url.has_other_scheme(name):
        raise FerError(
            f"{_shortened(name)} is not downloaded: only http and https addresses are, with fer predict --url."
        )


def _images_below(folder: Path) -> list[str | Problem]:
    """The images below a folder, by name, but for results of earlier runs; and the folders that can't be read.

    Links are followed, but not in circles.
    """
    names: list[str] = []
    problems: list[OSError] = []
    seen: set[tuple[int, int]] = set()
    for root, folders, here in os.walk(folder, followlinks=True, onerror=problems.append):
        status = os.stat(root)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(filter(files.visible, folders))
        pictures = (name for name in here if files.visible(name) and name.lower().endswith(images.SUFFIXES))
        names += [str(Path(root).relative_to(folder) / name) for name in pictures]
    made = made_among(folder, names)
    found = (str(folder / name) for name in names if name not in made)
    unread = [Problem(str(error.filename), f"{error.filename} can't be read ({error.strerror}).") for error in problems]
    return [*sorted(found), *unread]


def _identity(name: str) -> tuple[str, str]:
    """The same for two names of one file: `x/a.jpg` and `x/../x/a.jpg`."""
    folder, file = os.path.split(name)
    try:
        return os.path.realpath(folder), file
    except OSError:  # the working folder was deleted
        return os.path.normpath(folder), file


def _shortened(name: str) -> str:
    return name if len(name) <= 100 else f"{name[:100]}..."


def read_all(
    names: Iterable[str], megapixels: float = images.MAX_MEGAPIXELS, *, urls: bool = False
) -> Iterator[Frame | Problem]:
    """Read pictures in their order; the next ones are decoded ahead in other threads.

    Args:
        names: as `expand` gives them.
        megapixels: a larger picture is a problem.
        urls: whether addresses on the web are fetched.
    """
    return ahead(partial(read, name, megapixels, urls=urls) for name in names)


def ahead(loaders: Iterable[Callable[[], T]], threads: int = _READERS) -> Iterator[T]:
    """Call loaders ahead in other threads, as many as memory allows, and yield their results in order."""
    pool = ThreadPoolExecutor(threads, "fer-read")
    waiting: deque[Future[T]] = deque()
    allowed = threads
    try:
        for loader in loaders:
            waiting.append(pool.submit(loader))
            while len(waiting) > allowed:
                frame = waiting.popleft().result()
                if isinstance(frame, Frame):
                    allowed = max(1, min(_AHEAD, _AHEAD_BYTES // frame.rgb.nbytes))
                yield frame
                del frame
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def read(name: str, megapixels: float = images.MAX_MEGAPIXELS, *, urls: bool = False) -> Frame | Problem:
    """Read one picture; return what is wrong with it instead of raising an exception.

    Args:
        name: of a file, or `-` for standard input.
        megapixels: a larger picture is a problem.
        urls: whether a name that is an address on the web is fetched.
    """
    shown = "standard input" if name == STDIN else name

    def load() -> Frame:
        image = images.decode(_content(name, urls), shown, megapixels)
        frame = from_image(shown, image, megapixels)
        return Frame(name, frame.rgb)

    return attempt(shown, load)


def _content(name: str, urls: bool) -> bytes:
    if urls and url.is_url(name):
        return _read(io.BytesIO(url.fetch(name)), name, f"fer video {printable(name)}")
    if name != STDIN:
        _refuse_address(name)
        with files.open_regular(files.expanded(name)) as file:
            return _read(file, name, f"fer video {printable(name)}")
    if sys.stdin is None or sys.stdin.closed:
        raise FerError("Standard input is closed: there is nothing to read.")
    return _read(sys.stdin.buffer, "standard input", "fer video FILE")


def _read(file: IO[bytes], shown: str, video: str) -> bytes:
    start = file.read(_LONGEST_START)
    if is_video(start):
        raise FerError(f"{shown} is a video, not a photo. Use: {video}")
    data = start + file.read(LARGEST_FILE + 1 - len(start))
    if len(data) > LARGEST_FILE:
        raise FerError(f"{shown} is larger than 1 GB.")
    return data


def is_video(start: bytes) -> bool:
    """Whether a file that starts with these bytes is a video; the formats of photos share some of their containers."""
    kind, brand = start[4:8], start[8:12]
    if kind == b"ftyp":
        return brand not in (*images.HEIF_BRANDS, b"avif", b"avis")
    return start.startswith(_VIDEOS) or kind in (b"moov", b"mdat") or (start[:4] == b"RIFF" and brand == b"AVI ")


def in_memory(pictures: Iterable[Any], megapixels: float) -> Iterator[Frame | Problem]:
    """Frames of the pictures that `Predictor.predict` is called with: paths, files, arrays, PIL images."""
    return ahead(_loader(picture, number, megapixels) for number, picture in enumerate(pictures))


def _loader(picture: Any, number: int, megapixels: float) -> Callable[[], Frame | Problem]:
    if isinstance(picture, str | os.PathLike):
        return partial(_from_object, picture, number, megapixels)
    # At once: an iterable may use the same object for its next picture.
    found = _from_object(picture, number, megapixels)
    return lambda: found


def _from_object(picture: Any, number: int, megapixels: float) -> Frame | Problem:
    import numpy as np
    from PIL import Image

    from fer.inference.frame import from_array

    if isinstance(picture, Frame | Problem):
        return picture
    if isinstance(picture, str | os.PathLike):
        path = os.fsdecode(picture)
        if not path:
            return Problem(path, "A path is empty.")
        # That `-` means standard input is a convention of the command line; here it is a file's name.
        return read(f"./{path}" if path == STDIN else path, megapixels)
    name = f"image {number}"
    if isinstance(picture, bytes | bytearray):
        return attempt(name, lambda: _from_file(io.BytesIO(picture), name, megapixels))
    if hasattr(picture, "read"):
        given = getattr(picture, "name", None)
        name = given if isinstance(given, str) else name
        return attempt(name, lambda: _from_file(picture, name, megapixels))
    if isinstance(picture, np.ndarray):
        return attempt(name, lambda: from_array(name, picture, megapixels))
    if isinstance(picture, Image.Image):
        return attempt(name, lambda: from_image(name, picture, megapixels))
    kind = printable(type(picture).__name__)
    return Problem(name, f"{name} is not a picture: {kind} instead of a path, a file, an array or a PIL image.")


def _from_file(file: IO[bytes], name: str, megapixels: float) -> Frame:
    if not isinstance(file.read(0), bytes):
        raise FerError(f"{printable(name)} gives no bytes when it is read. Open it in binary mode.")
    image = images.decode(_read(file, printable(name), "fer video FILE"), name, megapixels)
    return from_image(name, image, megapixels)
