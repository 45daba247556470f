"""Files that are written whole or not at all, alone (`atomic`) or several together (`transaction`).

A file is written under a temporary name and renamed when it is complete, so a write that is interrupted or fails
leaves the old file as it was.
"""

import contextlib
import errno
import itertools
import os
import shutil
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from fer.errors import FerError
from fer.stopping import signals_blocked

# EFBIG and EDQUOT are limits on a user's files: to whoever hits one, the disk is full.
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_numbers = itertools.count()


@dataclass
class _Transaction:
    """The open `transaction` block: complete temporary files by target, and folders to empty."""

    files: dict[Path, Path] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)
    made: list[Path] = field(default_factory=list)

    def commit(self) -> None:
        """Move the old files away and the new ones to their places; if one move fails, take all of them back."""
        moves: list[tuple[Path, Path]] = []
        old: list[Path] = []

        def move(source: Path, target: Path) -> None:
            _move(source, target)
            moves.append((source, target))

        def set_aside(path: Path, folder: Path) -> None:
            old.append(_temporary_path(folder / path.name))
            move(path, old[-1])

        try:
            for folder in self.folders:
                with _explain_failure(folder):
                    for path in set(_files_in(folder)) - set(self.files.values()):
                        set_aside(path, folder)
                    _remove_empty_folders(folder)
            for path, temporary in self.files.items():
                with _explain_failure(path):
                    if path.is_file() or path.is_symlink():
                        set_aside(path, path.parent)
                    move(temporary, path)
        except BaseException:
            for source, target in reversed(moves):
                with contextlib.suppress(OSError):
                    _move(target, source)
            raise
        for path in old:
            with contextlib.suppress(OSError):
                path.unlink()

    def roll_back(self) -> None:
        """Delete the temporary files, and the folders that were made for the new ones."""
        for temporary in self.files.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        for folder in reversed(self.made):
            with contextlib.suppress(OSError):
                folder.rmdir()


_open: ContextVar[_Transaction | None] = ContextVar("_open", default=None)
_temporary_folder: ContextVar[Path | None] = ContextVar("_temporary_folder", default=None)


@contextlib.contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Keep temporary files in a folder of their own instead of beside their targets, and delete what lies there.

    A killed process leaves its temporary files behind, and DVC would take them for a part of a stage's outputs.

    Args:
        folder: of one process at a time; made where it is missing. Targets on another disk keep theirs beside them.

    Raises:
        FerError: the folder can't be written.
    """
    with _explain_failure(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _empty(folder)
    token = _temporary_folder.set(folder)
    try:
        yield
    finally:
        _temporary_folder.reset(token)


@contextlib.contextmanager
def transaction() -> Iterator[None]:
    """Hold back all that is written in this block until it ends, then put it in place all at once.

    If the block fails, or a file can't be put in its place, every file and folder is left as it was before. The one
    exception is a process that is killed (SIGKILL, power) during the renames at the end; then some files can be new
    and others missing, and DVC, which has not recorded the stage, runs it again.

    A file written in the block can't be read in it. A block within another is part of that one.

    Raises:
        FerError: as `atomic`.
    """
    if _open.get() is not None:
        yield
        return
    current = _Transaction()
    token = _open.set(current)
    try:
        yield
        with signals_blocked():
            current.commit()
    except BaseException:
        current.roll_back()
        raise
    finally:
        _open.reset(token)


@contextlib.contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path that becomes `path` when the block ends, and vanishes when it fails.

    Within `transaction`, it becomes `path` when that block ends.

    Raises:
        FerError: the disk is full or the folder can't be written.
    """
    path, current = Path(path), _open.get()
    with _explain_failure(path):
        _make_folder(path.parent)
        temporary = _temporary_path(path)
        try:
            yield temporary
            if current is None:
                os.replace(temporary, path)
            else:
                earlier = current.files.pop(path, None)
                if earlier is not None:
                    earlier.unlink()
                current.files[path] = temporary
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def clean_folder(folder: Path | str) -> Path:
    """Empty a folder that is about to be filled, so that no file of an earlier run stays behind.

    Within `transaction`, it is emptied when that block ends, just before the new files take their places.

    Raises:
        FerError: it can't be emptied or made.
    """
    folder, current = Path(folder), _open.get()
    with _explain_failure(folder):
        _make_folder(folder)
        if current is None:
            _empty(folder)
        else:
            current.folders.append(folder)
    return folder


def _temporary_path(path: Path) -> Path:
    # The process number tells two writers of one file apart. The suffix stays: some writers choose the format by it.
    name = f".{path.stem}.part{os.getpid()}-{next(_numbers)}{path.suffix}"
    folder = _temporary_folder.get()
    same_disk = folder is not None and folder.stat().st_dev == path.parent.stat().st_dev
    return folder / name if folder is not None and same_disk else path.with_name(name)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)


def _make_folder(folder: Path) -> None:
    current = _open.get()
    if current is not None:
        current.made += [parent for parent in (*reversed(folder.parents), folder) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)


def _files_in(folder: Path) -> Iterator[Path]:
    """All that is no folder, at any depth; links are not followed."""

    def fail(error: OSError) -> None:
        raise error

    for root, folders, files in os.walk(folder, onerror=fail):
        yield from (Path(root, name) for name in files)
        yield from (path for name in folders if (path := Path(root, name)).is_symlink())


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _remove_empty_folders(folder: Path) -> None:
    for root, folders, _ in os.walk(folder, topdown=False):
        for name in folders:
            with contextlib.suppress(OSError):  # it is not empty
                Path(root, name).rmdir()


@contextlib.contextmanager
def _explain_failure(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into a line that says why `path` was not written."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise FerError(f"The disk is full: {path} was not written. Free some space and run again.") from error
        reason = error.strerror or str(error)
        raise FerError(f"{path} can't be written ({reason}). Check its folder and its permissions.") from error
