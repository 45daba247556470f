"""Files in a folder, a .zip, a .tar.* or alone, as one stream of members; nothing is unpacked to disk.

Whatever the container, members that would land outside it, links, and absurd sizes are refused, so an
archive from a stranger can fill neither the disk nor the memory.
"""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from fer.data.files import MAX_FILES, open_regular, visible, walk
from fer.errors import FerError

MAX_BYTES = 2 * 1024**3
# Real editions compress 2 to 5 times. Below the floor no bomb can hurt.
MAX_RATIO = 100
RATIO_FLOOR = 64 * 1024**2

ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
COMPRESSED = (".gz", ".bz2", ".xz")

_MAGIC: dict[bytes, Any] = {b"\x1f\x8b": gzip, b"BZh": bz2, b"\xfd7zXZ": lzma}

Member = tuple[str, IO[bytes]]


class _Metered(io.RawIOBase):
    """A stream that refuses to give more than `limit` bytes."""

    def __init__(self, stream: IO[bytes], limit: int, name: str) -> None:
        self._stream, self._left, self._name = stream, limit, name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self._stream.read(len(view))
        self._left -= len(data)
        if self._left < 0:
            raise _absurd(self._name)
        view[: len(data)] = data
        return len(data)


def _absurd(name: str) -> FerError:
    return FerError(f"{name} unpacks to an absurd size and was refused. Fetch it again, or unpack it yourself.")


def _allowance(compressed: int) -> int:
    return min(MAX_BYTES, max(RATIO_FLOOR, MAX_RATIO * compressed))


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn every way in which a container can be damaged into one message."""
    try:
        yield
    except (
        tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError,
        NotImplementedError, RuntimeError,  # the last two: zip's exotic compression, and passwords
    ) as error:  # fmt: skip
        if isinstance(error, PermissionError):
            raise FerError(f"{error.filename or path} may not be read: check its permissions.") from error
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise FerError(
            f"{path} can't be read to its end ({reason}): it is damaged or incomplete. Fetch it again."
        ) from error


def is_archive(name: str) -> bool:
    """Whether the name is that of a .zip or .tar.*."""
    return name.lower().endswith(ARCHIVES)


def decompressed(stream: IO[bytes], size: int, name: str) -> IO[bytes]:
    """The stream itself, or its content where it is gzip, bzip2 or xz; metered either way.

    Args:
        stream: a buffered stream at its start.
        size: its length in bytes, against which the unpacked size is judged.
        name: for the message.
    """
    buffered = io.BufferedReader(_Metered(stream, MAX_BYTES, name))
    magic = buffered.peek(6)[:6]
    for start, module in _MAGIC.items():
        if magic.startswith(start):
            opened = cast(IO[bytes], module.open(buffered))
            return io.BufferedReader(_Metered(opened, _allowance(size), name), 1 << 18)
    return buffered


def _content(stream: IO[bytes], size: int, name: str) -> IO[bytes]:
    # Images are small and many, and pass as they are. tarfile's own streams are no basis for text (CSV).
    return decompressed(stream, size, name) if name.lower().endswith((".csv", *COMPRESSED)) else stream


def _safe(name: str, container: Path) -> str:
    clean = name.replace("\\", "/")
    parts = clean.split("/")
    if not clean or clean.startswith("/") or ".." in parts or parts[0].endswith(":"):
        raise FerError(f"{container} tries to write outside its folder ({name}) and was refused. Don't use it.")
    return clean


def members(path: Path, wanted: Callable[[str], bool], most: int | None = MAX_FILES) -> Iterator[Member]:
    """Each wanted file of a folder, archive or single file: its relative name and a stream of its bytes.

    A folder and a .zip are read in the order of the names, a .tar.* in its own. A stream is valid until the
    next member is asked for. Use it inside `reading`.

    Args:
        path: of the folder, archive or file.
        wanted: is asked for each visible file once; not for a single file.
        most: how many files a folder may hold; None for any number.

    Raises:
        FerError: a member's place, kind, number or size is not that of an honest data set.
    """
    if path.is_dir():
        yield from _folder_members(path, wanted, most)
    elif path.name.lower().endswith(".zip"):
        yield from _zip_members(path, wanted)
    elif is_archive(path.name):
        yield from _tar_members(path, wanted)
    else:
        with open_regular(path) as raw:
            yield path.name, decompressed(raw, path.stat().st_size, str(path))


def _folder_members(folder: Path, wanted: Callable[[str], bool], most: int | None) -> Iterator[Member]:
    for name in filter(wanted, walk(folder, most)):
        with open_regular(folder / name) as raw:
            yield name, _content(raw, os.fstat(raw.fileno()).st_size, name)


def _zip_members(path: Path, wanted: Callable[[str], bool]) -> Iterator[Member]:
    with open_regular(path) as raw_archive, zipfile.ZipFile(raw_archive) as archive:
        infos = sorted(archive.infolist(), key=lambda info: info.filename)
        size = sum(info.file_size for info in infos)
        if len(infos) > MAX_FILES or size > _allowance(path.stat().st_size):
            raise _absurd(str(path))
        for info in infos:
            name = _safe(info.filename, path)
            if stat.S_ISLNK(info.external_attr >> 16):
                raise FerError(f"{path} holds a link ({name}) and was refused. Pack the files themselves.")
            if not info.is_dir() and visible(name) and wanted(name):
                with archive.open(info) as raw:
                    yield name, _content(raw, info.compress_size, name)


def _tar_members(path: Path, wanted: Callable[[str], bool]) -> Iterator[Member]:
    with open_regular(path) as raw:
        stream = decompressed(raw, path.stat().st_size, str(path))
        with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 18) as archive:
            for count, info in enumerate(archive):
                name = _safe(info.name, path)
                if count >= MAX_FILES:
                    raise _absurd(str(path))
                if not info.isfile() and not info.isdir():
                    found = "link" if info.issym() or info.islnk() else "pipe or a device"
                    raise FerError(f"{path} holds a {found} ({name}) and was refused. Pack the files themselves.")
                content = archive.extractfile(info) if info.isfile() and visible(name) and wanted(name) else None
                if content is not None:
                    yield name, _content(content, info.size, name)
