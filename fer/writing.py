"""Files that are written whole or not at all, alone (`atomic`) or several together (`transaction`).

A file is written under a temporary name and renamed when it is complete, so a write that is interrupted or fails
leaves the old file as it was.
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from fer import paths
from fer.errors import FerError

if TYPE_CHECKING:
    from filelock import FileLock

# EFBIG and EDQUOT are limits on a user's files: to whoever hits one, the disk is full.
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# What the open `transaction` will do: the complete temporary file of each path, or None for a file to delete.
_pending: ContextVar[dict[Path, Path | None] | None] = ContextVar("_pending", default=None)
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
        if folder.is_dir():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
    token = _temporary_folder.set(folder)
    try:
        yield
    finally:
        _temporary_folder.reset(token)


@contextlib.contextmanager
def transaction() -> Iterator[None]:
    """Hold back all that is written in this block until it ends, then rename one file after the other.

    If the block fails, every file is left as it was before. The renames themselves are not one step: a process that
    is killed between two of them leaves some files new and others old. DVC, which has not recorded the stage, deletes
    its outputs and runs it again.

    A file written in the block can't be read in it. A block within another is part of that one.

    Raises:
        FerError: as `atomic`.
    """
    if _pending.get() is not None:
        yield
        return
    files: dict[Path, Path | None] = {}
    token = _pending.set(files)
    try:
        yield
        for path, temporary in files.items():
            with _explain_failure(path):
                if temporary is None:
                    path.unlink(missing_ok=True)
                else:
                    os.replace(temporary, path)
    finally:
        _pending.reset(token)
        for temporary in filter(None, files.values()):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path that becomes `path` when the block ends, and vanishes when it fails.

    Within `transaction`, it becomes `path` when that block ends.

    Raises:
        FerError: the disk is full or the folder can't be written.
    """
    path, pending = Path(path), _pending.get()
    with _explain_failure(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary_path(path)
        try:
            yield temporary
            if pending is None:
                os.replace(temporary, path)
            else:
                pending[path] = temporary
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def clean_folder(folder: Path | str) -> Path:
    """Make a folder that is about to be filled, and delete the files of an earlier run in it.

    Within `transaction`, they are deleted when that block ends.

    Raises:
        FerError: it can't be emptied or made.
    """
    folder = Path(folder)
    with transaction(), _explain_failure(folder):
        folder.mkdir(parents=True, exist_ok=True)
        pending = _pending.get()
        assert pending is not None
        pending.update({path: None for path in folder.rglob("*") if not path.is_dir()})
    return folder


def _temporary_path(path: Path) -> Path:
    # The process and the path keep writers apart. The suffix stays: some writers choose the format by it.
    name = f".{path.stem[:40]}.part{os.getpid()}-{abs(hash(path))}{path.suffix}"
    folder = _temporary_folder.get()
    same_disk = folder is not None and folder.stat().st_dev == path.parent.stat().st_dev
    return folder / name if folder is not None and same_disk else path.with_name(name)


def alone(name: str) -> "FileLock":
    """A lock that one process in this project's folder holds at a time; the others wait in their `with` statement.

    Its holder may take it again. The operating system frees it when its holder ends.

    Args:
        name: of the lock.
    """
    from filelock import FileLock

    paths.LOCKS.mkdir(parents=True, exist_ok=True)
    return FileLock(paths.LOCKS / f"{name}.lock", is_singleton=True)


def is_disk_full(error: FerError) -> bool:
    """Whether an error of this module, or of others that write, says that there is no space."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in NO_SPACE


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
