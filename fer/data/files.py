"""Safe access to a user's files and folders, which may hold pipes, broken links, unreadable files and odd names."""

import os
import stat
from pathlib import Path
from typing import IO

from fer.errors import FerError

MAX_FILES = 200_000


def expanded(text: str) -> Path:
    """A path as a user writes it, with `~`, unless a file of that very name exists.

    Raises:
        FerError: the user after `~` does not exist.
    """
    if not text.startswith("~") or os.path.lexists(text):
        return Path(text)
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise FerError(f"{text}: there is no such user ({error}). Write the path in full.") from error


def open_regular(path: Path) -> IO[bytes]:
    """Open a file for reading; a pipe or a device, which might never end, is refused.

    Raises:
        FerError: it is no regular file, or may not be read; the message says which.
    """
    try:
        # Without O_NONBLOCK the opening itself would wait for whoever writes into a pipe.
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise FerError(f"{path} {_why(path, error)}") from error
    except ValueError as error:  # a null character in the name
        raise FerError(f"{path!s:.200}: {error}.") from error
    if stat.S_ISREG(os.fstat(number).st_mode):
        return os.fdopen(number, "rb")
    os.close(number)
    raise FerError(f"{path} is a {kind(path)}, no file. Remove it, or name a file.")


def _why(path: Path, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "may not be read: check its permissions."
    if path.is_symlink():
        return f"is a link that leads to no file ({error.strerror}). Remove or mend it."
    return f"can't be read ({error.strerror})."


def kind(path: Path) -> str:
    """The kind of a path: folder, pipe, socket or device."""
    names = (("folder", path.is_dir), ("pipe", path.is_fifo), ("socket", path.is_socket))
    return next((name for name, found in names if found()), "device")


def visible(name: str) -> bool:
    """Whether no part of a relative path is hidden (or one of the folders `__MACOSX` that macOS adds to archives)."""
    return not any(part.startswith((".", "__MACOSX")) and part != "." for part in name.split("/"))


def walk(folder: Path, most: int | None = None, undecodable: list[str] | None = None) -> list[str]:
    """The names of all visible files below a folder, relative to it, sorted.

    Links are followed: a folder, unlike an archive, was put together by its owner. A folder that is reached
    twice counts once, under the name that comes first, so links in a circle end.

    Args:
        folder: where to look.
        most: the largest number of files that is accepted; None for no limit.
        undecodable: a list for the names that are not UTF-8; these files are skipped.

    Raises:
        FerError: a folder can't be read, there are more than `most` files, or a name is no UTF-8 and there is no
            `undecodable`.
    """

    def refuse(error: OSError) -> None:
        raise FerError(f"{error.filename} can't be read ({error.strerror}). Check the folder's permissions.") from error

    names: list[str] = []
    seen: set[tuple[int, int]] = set()
    for root, folders, files in os.walk(folder, followlinks=True, onerror=refuse):
        place = os.stat(root)
        if (place.st_dev, place.st_ino) in seen:
            folders.clear()
            continue
        seen.add((place.st_dev, place.st_ino))
        folders[:] = sorted(filter(visible, folders))  # the file system's own order may differ elsewhere
        above = Path(root).relative_to(folder)
        names += [(above / file).as_posix() for file in filter(visible, files)]
        if most is not None and len(names) > most:
            raise FerError(f"{folder} holds more than {most:,} files; this is no FER2013. Check the path.")
    odd = {name: readable(name) for name in names if readable(name) != name}
    if odd and undecodable is None:
        raise FerError(f"{folder} holds a file whose name is no UTF-8: {min(odd.values())}. Rename it.")
    if undecodable is not None:
        undecodable += sorted(odd.values())
    return sorted(name for name in names if name not in odd)


def readable(name: str) -> str:
    r"""The name itself, or, if it is no UTF-8, with `\xff` for the bytes that are not."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")
