"""Folders of results (`--output`): written beside the earlier results, which they replace at the end of a good run."""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from types import TracebackType
from typing import IO, Any, Self

from fer.errors import FerError
from fer.inference.text import printable

UNFINISHED = "unfinished"
MARKER = ".fer-results.json"  # lists the files of the last good run; a folder without it was not made by fer
LOCK = ".fer-lock"


class Results:
    """A folder of results. Use it in a `with` block, write to `path(...)`, and `commit` at the end of a good run.

    Until then the files lie in the folder `unfinished` in it, and stay there if the run is interrupted. Files that
    fer did not make are never replaced, unless `overwrite` is set. One process at a time writes to a folder.

    Args:
        folder: made if it is missing.
        names: of the files and folders that the run will write into it.
        overwrite: whether files that fer did not make may be replaced.

    Raises:
        FerError: the folder can't be written, is in use, or holds files of these names that fer did not make.
    """

    def __init__(self, folder: Path, names: Sequence[str], overwrite: bool = False) -> None:
        self.folder, self._names, self._overwrite = folder, tuple(names), overwrite
        self._is_new = not folder.exists()
        with explained_as_unwritable(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = lock(folder / LOCK)
        try:
            self._made = _read_marker(self.folder)
            present = [name for name in (*names, UNFINISHED) if os.path.lexists(folder / name)]
            taken = [name for name in present if not self._is_made(name)]
            if taken and not overwrite:
                raise FerError(
                    f"{folder / taken[0]} exists, and fer did not make it. Name another folder with --output, or allow "
                    "its replacement with --overwrite."
                )
            with explained_as_unwritable(folder):
                shutil.rmtree(folder / UNFINISHED, ignore_errors=True)
                (folder / UNFINISHED).mkdir()
                if self._made is None:
                    self._write_marker(set())
        except BaseException:
            self._unlock()
            raise

    def __enter__(self) -> Self:
        """Return the folder of results itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the folder. What an interrupted run has written stays in `unfinished`."""
        unfinished = self.folder / UNFINISHED
        if unfinished.is_dir() and (kind is None or not any(path.is_file() for path in unfinished.rglob("*"))):
            shutil.rmtree(unfinished, ignore_errors=True)
        if self._made is None and not unfinished.is_dir():  # nothing was made
            with suppress(OSError):
                (self.folder / MARKER).unlink()
        self._unlock()
        if self._is_new:
            with suppress(OSError):  # it is not empty
                self.folder.rmdir()

    def path(self, name: str) -> Path:
        """Where a file of the results is written until `commit`.

        Args:
            name: relative to the folder.
        """
        path = self.folder / UNFINISHED / name
        with explained_as_unwritable(self.folder):
            path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def made_earlier(self, name: str) -> bool:
        """Whether a file was made by an earlier run, and so is no input of this one."""
        try:
            relative = os.path.relpath(os.path.realpath(name), os.path.realpath(self.folder))
        except (OSError, ValueError):  # the working folder was deleted; another drive
            return False
        return relative in (self._made or ()) or relative.split(os.sep)[0] == UNFINISHED

    def is_foreign(self, name: str) -> bool:
        """Whether a file of this name, relative to the folder, is there that fer did not make and may not replace."""
        return not self._overwrite and name not in (self._made or ()) and os.path.lexists(self.folder / name)

    def commit(self) -> None:
        """Replace the earlier results; earlier files that have no successor are deleted.

        Raises:
            FerError: a file can't be replaced.
        """
        unfinished = self.folder / UNFINISHED
        with explained_as_unwritable(self.folder):
            files = {str(path.relative_to(unfinished)) for path in unfinished.rglob("*") if path.is_file()}
            earlier = self._made or set()
            self._write_marker(files | earlier)  # if this is interrupted, all of them still count as made by fer
            for name in files:
                target = self.folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(unfinished / name, target)
            gone = {name for name in earlier - files if name.split(os.sep)[0] in self._names}
            for name in gone:
                (self.folder / name).unlink(missing_ok=True)
            self._made = (files | earlier) - gone
            self._write_marker(self._made)

    def _is_made(self, name: str) -> bool:
        """Whether a file or folder was made by an earlier run."""
        if name == UNFINISHED:
            return self._made is not None
        return any(made.split(os.sep)[0] == name for made in self._made or ())

    def _write_marker(self, files: set[str]) -> None:
        temporary = self.folder / f"{MARKER}.new"
        temporary.write_text(json.dumps({"made_by": "fer", "files": sorted(files)}, indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, self.folder / MARKER)

    def _unlock(self) -> None:
        with suppress(OSError):
            (self.folder / LOCK).unlink()
        self._lock.close()


def made_among(folder: Path, names: Iterable[str]) -> set[str]:
    """Those of some files that earlier runs made, by the markers in the folders above them.

    Args:
        folder: that holds the files.
        names: relative to it.
    """
    names = set(names)
    made: set[str] = set()
    for above in {parent for name in names for parent in PurePath(name).parents}:
        own = _read_marker(folder / above)
        if own is not None:
            made |= {str(above / name) for name in own} & names
            made |= {name for name in names if PurePath(name).is_relative_to(above / UNFINISHED)}
    return made


def _read_marker(folder: Path) -> set[str] | None:
    """The files of the last good run; None if this is not a folder of results."""
    path = folder / MARKER
    if not path.is_file():
        return None
    with suppress(OSError, ValueError, TypeError, LookupError):
        names = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {str(name) for name in names if not os.path.isabs(name) and ".." not in Path(name).parts}
    return set()


@contextmanager
def explained_as_unwritable(folder: Path) -> Iterator[None]:
    """Turn an OSError into one line that says why results could not be written."""
    try:
        yield
    except BlockingIOError as error:
        raise FerError(f"Another process writes to {folder}. Wait until it ends, or name another folder.") from error
    except OSError as error:
        where = error.filename if isinstance(error.filename, str) else folder
        reason = printable(error.strerror or str(error))
        raise FerError(f"{where} can't be written ({reason}). Put it right, or name another folder.") from error


def lock(path: Path) -> IO[Any]:
    """Lock a file of this name, without waiting; the lock goes when the file is closed, however the process ends.

    Raises:
        BlockingIOError: another process holds it.
    """
    while True:
        file = path.open("a")
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                return file
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except PermissionError as error:  # what Windows says of a lock that is held
            file.close()
            raise BlockingIOError(str(error)) from error
        except BaseException:
            file.close()
            raise
        file.close()  # another process has just deleted the file that this one opened
