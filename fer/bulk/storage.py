"""Folders on this machine or, by a URL, on object storage: listed, read, and written one whole file at a time."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from fer.data import files
from fer.errors import FerError
from fer.inference.sources import LARGEST_FILE
from fer.inference.text import one_line

TEMPORARY = "temporary"  # the subfolder in which files lie until they are whole


@dataclass(frozen=True)
class Place:
    """A folder.

    Attributes:
        root: its absolute path on this machine, or its URL, with its query if it has one.
        shown: how the user names it; stands before the names of its files wherever they are shown.
    """

    root: str
    shown: str

    @classmethod
    def of(cls, text: str) -> "Place":
        """The folder that a user names by a path or a URL.

        Raises:
            FerError: there is no such user, or no storage of this kind.
        """
        if text.startswith("file://"):
            text = unquote(urlsplit(text).path)
        if is_url(text):
            _filesystem(text)
            return cls(text, text.partition("?")[0].rstrip("/"))
        path = files.expanded(text)
        return cls(os.path.abspath(path), str(path))

    def show(self, name: str) -> str:
        """A file's name as the user knows it."""
        return f"{self.shown}/{name}" if is_url(self.root) else os.path.join(self.shown, name)

    def identity(self, name: str) -> str:
        """The same text for the same file, whatever folder it was named from."""
        return self.show(name) if is_url(self.root) else os.path.normpath(os.path.join(self.root, name))

    def folder_of(self, name: str) -> "Place":
        """The folder in which a file lies."""
        folder = os.path.dirname(name)
        if not is_url(self.root):
            return Place(os.path.join(self.root, folder), os.path.join(self.shown, folder))
        address, mark, query = self.root.partition("?")
        return Place(f"{address.rstrip('/')}/{folder}".rstrip("/") + mark + query, self.show(folder))

    def holds(self, identity: str) -> bool:
        """Whether a file lies below this folder."""
        return identity.startswith(os.path.join(self.identity("").rstrip("/"), ""))

    def is_file(self) -> bool:
        """Whether it is a file after all."""
        filesystem, base = _filesystem(self.root)
        return bool(filesystem.get_file_info(base).is_file)

    def entries(self) -> set[str]:
        """The names of the files and folders directly in it; none if it does not exist.

        Raises:
            OSError: the storage does not answer.
        """
        from pyarrow import fs

        filesystem, base = _filesystem(self.root)
        infos = filesystem.get_file_info(fs.FileSelector(base, allow_not_found=True))
        return {str(info.base_name) for info in infos}

    def sizes(self, below: str = "") -> dict[str, int]:
        """The bytes of all visible files below the folder or one of its subfolders, by relative name, sorted.

        Raises:
            OSError: the storage does not answer.
        """
        from pyarrow import fs

        filesystem, base = _filesystem(self.root)
        start = f"{base.rstrip('/')}/{below}".rstrip("/") or "/"
        infos = filesystem.get_file_info(fs.FileSelector(start, allow_not_found=True, recursive=True))
        skipped = len(base.rstrip("/")) + 1
        found = {info.path[skipped:]: int(info.size or 0) for info in infos if info.is_file}
        return {name: found[name] for name in sorted(found) if files.visible(name)}

    def read(self, name: str) -> bytes:
        """The content of a picture's file.

        Raises:
            FerError: as `open`, or it is larger than 1 GB.
            OSError: as `open`.
        """
        with self.open(name) as file:
            data: bytes = file.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise FerError(f"{self.show(name)} is larger than 1 GB.")
        return data

    def open(self, name: str) -> Any:
        """Open a file for reading.

        Raises:
            FerError: it is gone, may not be read, or is no file.
            OSError: the storage does not deliver it; another try may succeed.
        """
        if not is_url(self.root):
            return files.open_regular(Path(self.root, name))
        try:
            filesystem, base = _filesystem(self.root)
            return filesystem.open_input_file(f"{base.rstrip('/')}/{name}")
        except FileNotFoundError as error:
            raise FerError(f"{self.show(name)} no longer exists.") from error
        except PermissionError as error:
            raise FerError(f"{self.show(name)} can't be read: check its permissions.") from error

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all: under a temporary name, then renamed. Its folder must be `prepared`.

        An object store has no half-written objects anyway; there the renaming is a copy of this one object.

        Raises:
            FerError: it can't be written.
        """
        with self._explained(name):
            filesystem, base = _filesystem(self.root)
            base = base.rstrip("/")
            temporary = f"{base}/{TEMPORARY}/{uuid.uuid4().hex}"
            with filesystem.open_output_stream(temporary) as file:
                file.write(content)
            filesystem.move(temporary, f"{base}/{name}")

    def prepare(self, *folders: str) -> None:
        """Make the folder and its subfolders for `write`.

        Raises:
            FerError: they can't be made.
        """
        with self._explained(""):
            filesystem, base = _filesystem(self.root)
            for folder in (TEMPORARY, *folders):
                filesystem.create_dir(f"{base.rstrip('/')}/{folder}", recursive=True)

    def tidy(self) -> None:
        """Delete what killed writers have left behind."""
        with self._explained(TEMPORARY):
            filesystem, base = _filesystem(self.root)
            filesystem.delete_dir_contents(f"{base.rstrip('/')}/{TEMPORARY}", missing_dir_ok=True)

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FerError(
                f"{self.show(name).rstrip('/')} can't be written ({error.strerror or one_line(error)}). Put it right "
                "and run again."
            ) from error


def is_url(text: str) -> bool:
    """Whether a text is the URL of something on object storage."""
    return "://" in text


@lru_cache(maxsize=256)
def _filesystem(root: str) -> tuple[Any, str]:
    """The `pyarrow.fs.FileSystem` of a folder, and the folder's path in it.

    pyarrow knows the common stores itself; all others, such as `memory://`, are fsspec's.

    Raises:
        FerError: neither knows the URL, or fsspec lacks a package for it.
    """
    import pyarrow
    from pyarrow import fs

    if not is_url(root):
        return fs.LocalFileSystem(), root
    try:
        filesystem, path = fs.FileSystem.from_uri(root)
        return filesystem, path
    except pyarrow.ArrowInvalid:
        pass
    try:
        from fsspec.core import url_to_fs

        known, path = url_to_fs(root)
        return fs.PyFileSystem(fs.FSSpecHandler(known)), path
    except (ValueError, ImportError) as error:
        raise FerError(f"{root} can't be opened ({one_line(error)}). Name a folder or another URL.") from error
