"""Files that are written whole or not at all, alone or several together.

A write is a temporary file and a rename, so an interrupted or failed one leaves the old file or none, never half of
one. Files that belong together are written within `transaction`, and change together or not at all.
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from fer.errors import FerError
from fer.stopping import undisturbed

# Also the limits on a user's files: to whoever hits one, the disk is full.
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass
class _Pending:
    """What waits for the end of a `transaction` block: files to rename, folders to empty first."""

    files: dict[Path, Path] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)


_pending: ContextVar[_Pending | None] = ContextVar("_pending", default=None)
_folder: ContextVar[Path | None] = ContextVar("_folder", default=None)


@contextlib.contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Keep temporary files in a folder of their own instead of beside their targets, and delete what lies there.

    A killed process leaves its temporary files behind, and DVC would take them for a part of a stage's outputs.

    Args:
        folder: of one process at a time; made where it is missing. Targets on another disk keep theirs beside them.
    """
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _empty(folder)
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def _temporary(path: Path) -> Path:
    # The process number tells two writers of one file apart.
    beside = path.with_name(f".{path.stem}.part{os.getpid()}{path.suffix}")
    folder = _folder.get()
    if folder is None or folder.stat().st_dev != path.parent.stat().st_dev:
        return beside
    return folder / f"{len(list(folder.iterdir()))}{beside.name}"


@contextlib.contextmanager
def transaction() -> Iterator[None]:
    """Hold back all that is written in this block until it ends; if it fails, nothing of it is written.

    A file written in the block can't be read in it. A block within another is part of that one.

    Raises:
        FerError: as `atomic`.
    """
    if _pending.get() is not None:
        yield
        return
    pending = _Pending()
    token = _pending.set(pending)
    try:
        yield
        with undisturbed():
            for folder in pending.folders:
                _empty(folder)
            for path, temporary in pending.files.items():
                with _explained(path):
                    os.replace(temporary, path)
    finally:
        _pending.reset(token)
        for temporary in pending.files.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path that becomes `path` when the block ends, and vanishes when it fails.

    Within `transaction`, it becomes `path` when that block ends.

    Raises:
        FerError: the disk is full or the folder can't be written.
    """
    path, pending = Path(path), _pending.get()
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(path)
        try:
            yield temporary
            if pending is None:
                os.replace(temporary, path)
            else:
                pending.files[path] = temporary
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say in a user's words why `path` was not written."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise FerError(f"The disk is full: {path} was not written. Free some space and run again.") from error
        reason = error.strerror or str(error)
        raise FerError(f"{path} can't be written ({reason}). Check its folder and its permissions.") from error


def clean_folder(folder: Path | str) -> Path:
    """Empty a folder that a stage is about to fill, so that no file of an earlier run stays behind.

    Within `transaction`, it is emptied when that block ends, just before the new files take their places.

    Raises:
        FerError: it can't be emptied or made.
    """
    folder, pending = Path(folder), _pending.get()
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if pending is None:
            _empty(folder)
        else:
            pending.folders.append(folder)
    return folder


def _empty(folder: Path) -> None:
    """Delete what lies in a folder, but for what is being written there."""
    waiting = _pending.get()
    kept = set(waiting.files.values()) if waiting else set()
    with _explained(folder):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path not in kept:
                path.unlink()
