"""The pictures of a shard, decoded one after the other."""

import io
import tarfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from lzma import LZMAError
from typing import Any

from fer.bulk import parquet
from fer.bulk.shards import PARQUET, PICTURES, TAR, Shard
from fer.bulk.storage import Place, is_url
from fer.data import images
from fer.data.files import visible
from fer.errors import FerError
from fer.inference import sources
from fer.inference.frame import Frame, Problem, attempt, from_image
from fer.inference.text import one_line

Loader = Callable[[], Frame | Problem]

_BUFFER = 1 << 23  # bytes of a tar that are asked for at once: object storage answers slowly, but with much


def read(shard: Shard, megapixels: float, column: str | None = None) -> Iterator[Frame | Problem]:
    """Read the pictures of a shard; the next ones are decoded ahead in other threads.

    What is gone, damaged or empty is a `Problem`, so that each picture has an answer.

    Args:
        shard: the shard.
        megapixels: a larger picture is a problem.
        column: as `parquet.open_column`.

    Raises:
        OSError: the storage does not deliver what is there; another try may succeed.
    """
    if shard.kind == PARQUET:
        loaders = _of_rows(shard, megapixels, column)
    else:
        loaders = {PICTURES: _of_files, TAR: _of_tar}[shard.kind](shard, megapixels)
    return sources.ahead(_explained(shard, loaders))


def _explained(shard: Shard, loaders: Iterator[Loader]) -> Iterator[Loader]:
    """The loaders of a tar or Parquet file, and one for what is wrong with the file itself."""
    try:
        yield from loaders
    except FerError as error:
        yield partial(Problem, shard.place.show(shard.names[0]), error.message)


def _of_files(shard: Shard, megapixels: float) -> Iterator[Loader]:
    return (partial(_file, shard.place, name, shard.place.show(name), megapixels) for name in shard.names)


def _of_tar(shard: Shard, megapixels: float) -> Iterator[Loader]:
    name = shard.place.show(shard.names[0])
    damaged = f"{name} is damaged, and the pictures after the damage can't be read. Get it again"
    empty = True
    with shard.place.open(shard.names[0]) as file:
        try:
            stream = io.BufferedReader(file, _BUFFER)
            with tarfile.open(fileobj=stream, mode="r|*", tarinfo=_Member) as tar:
                for member in tar:
                    if member.isfile() and visible(member.name) and member.name.lower().endswith(images.SUFFIXES):
                        empty = False
                        yield _member(tar, member, f"{name}#{member.name}", megapixels)
        except (tarfile.TarError, EOFError, zlib.error, LZMAError) as error:
            raise FerError(f"{damaged} ({one_line(error)}).") from error
    if empty:
        raise FerError(f"{name} holds no pictures.")


class _Member(tarfile.TarInfo):
    """A tar's header. One that is damaged is an error: tarfile takes it for the end of the archive."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "_Member":
        """Read the next header."""
        try:
            return super().fromtarfile(archive)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(str(error)) from error


def _member(tar: tarfile.TarFile, member: tarfile.TarInfo, name: str, megapixels: float) -> Loader:
    if member.size > sources.LARGEST_FILE:
        return partial(Problem, name, f"{name} is larger than 1 GB.")
    file = tar.extractfile(member)
    assert file is not None  # it is a regular file
    return partial(_decoded, name, file.read(), megapixels)


def _of_rows(shard: Shard, megapixels: float, column: str | None) -> Iterator[Loader]:
    from pyarrow import ArrowException

    (name,) = shard.names
    shown = shard.place.show(name)
    with shard.place.open(name) as opened:
        file, column, holds_paths = parquet.open_column(opened, shown, column)
        folder = shard.place.folder_of(name)
        try:
            for row, value in parquet.values(file, column, shard.start, shard.stop):
                yield _row(f"{shown}#{row}", value, folder if holds_paths else None, megapixels)
        except (ArrowException, OSError) as error:  # of damaged data, Arrow raises either
            if isinstance(error, OSError) and is_url(shard.root):
                raise
            raise FerError(f"{shown} is damaged ({one_line(error)}). Get it again.") from error


def _row(name: str, value: bytes | str | None, folder: Place | None, megapixels: float) -> Loader:
    """The picture of a row, which is a path where there is a folder that it may be relative to."""
    if not value:
        return partial(Problem, name, f"{name} is empty.")
    if isinstance(value, bytes):
        return partial(_decoded, name, value, megapixels)
    if folder is None:
        return partial(Problem, name, f"{name} is not a picture.")
    if is_url(value):
        above, _, file = value.rpartition("/")
        return partial(_file, Place(above, above), file, value, megapixels)
    return partial(_file, folder, value, value, megapixels)


def _file(place: Place, name: str, shown: str, megapixels: float) -> Frame | Problem:
    try:
        data = place.read(name)
    except FerError as error:
        return Problem(shown, error.message)
    return _decoded(shown, data, megapixels)


def _decoded(name: str, data: bytes, megapixels: float) -> Frame | Problem:
    def load() -> Any:
        return from_image(name, images.decode(data, name, megapixels), megapixels)

    return attempt(name, load)
