"""The only place that knows file formats: every file of the pipeline is written and read here.

Writes are atomic (a temporary file beside the target, then a rename), so an interrupted or failed write
leaves the old file or none, never half of one. Files that belong together are written within `together`, and change
together or not at all.
"""

import contextlib
import errno
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any

import numpy as np

from fer.errors import FerError
from fer.stopping import undisturbed

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from matplotlib.figure import Figure

DECIMALS = 4

# Also the limits on a user's files: to whoever hits one, the disk is full.
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass
class _Pending:
    """What waits for the end of a `together` block: files to rename, folders to empty first."""

    files: dict[Path, Path] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)


_pending: ContextVar[_Pending | None] = ContextVar("_pending", default=None)
_aside: ContextVar[Path | None] = ContextVar("_aside", default=None)


@contextlib.contextmanager
def writing_aside(folder: Path) -> Iterator[None]:
    """Keep temporary files in a folder of their own instead of beside their targets, and delete what lies there.

    A killed process leaves its temporary files behind, and DVC would take them for a part of a stage's outputs.

    Args:
        folder: of one process at a time; made where it is missing. Targets on another disk keep theirs beside them.
    """
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _empty(folder)
    token = _aside.set(folder)
    try:
        yield
    finally:
        _aside.reset(token)


def _temporary(path: Path) -> Path:
    # The process number tells two writers of one file apart.
    beside = path.with_name(f".{path.stem}.part{os.getpid()}{path.suffix}")
    aside = _aside.get()
    if aside is None or aside.stat().st_dev != path.parent.stat().st_dev:
        return beside
    return aside / f"{len(list(aside.iterdir()))}{beside.name}"


@contextlib.contextmanager
def together() -> Iterator[None]:
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

    Within `together`, it becomes `path` when that block ends.

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


@contextlib.contextmanager
def _readable(path: Path | str, hint: str) -> Iterator[Path]:
    path = Path(path)
    try:
        yield path
    except FileNotFoundError as error:
        raise FerError(f"{path} is missing. {hint}") from error
    except PermissionError as error:
        raise FerError(f"{path} may not be read ({error.strerror}). Check its permissions.") from error
    except (ValueError, TypeError, OSError, EOFError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FerError(f"{path} can't be read ({reason}). Delete it and run `dvc repro`.") from error


@contextlib.contextmanager
def understood(path: Path | str) -> Iterator[None]:
    """Take a file's content apart; whatever is not as it should be is the file's fault, not the program's.

    Raises:
        FerError: something is missing or of another kind.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise FerError(f"{path} does not hold what it should ({reason}). Delete it and run `dvc repro`.") from error


_REBUILD = "Run `dvc repro` to make it."


def rounded(value: Any) -> Any:
    """Copy a nest of dicts, lists and numbers with floats rounded to `DECIMALS` decimals.

    Raises:
        ValueError: a number is NaN or infinite; a metric that can't be computed is an error, not a value.
    """
    if isinstance(value, Mapping):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a finite number")
        # A p-value of 1e-80 is not 0: what would vanish keeps two digits.
        return round(float(value), DECIMALS) or float(f"{value:.1e}")
    return value


def write_json(path: Path | str, content: Mapping[str, Any]) -> None:
    """Write rounded, finite JSON with the keys in the given order."""
    text = json.dumps(rounded(content), indent=2, allow_nan=False) + "\n"
    write_text(path, text)


def read_json(path: Path | str) -> dict[str, Any]:
    """Read a JSON object; raises FerError when it is missing or damaged."""
    with _readable(path, _REBUILD) as path:
        return dict(json.loads(path.read_text()))


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text with Unix line ends."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write bytes as they are."""
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def write_array(path: Path | str, array: np.ndarray) -> None:
    """Write one array as .npy, which can be memory-mapped."""
    with atomic(path) as temporary:
        try:
            np.save(temporary, np.ascontiguousarray(array), allow_pickle=False)
        except OSError as error:
            if error.errno is None:  # NumPy counts the items that a full disk did not take, and forgets why
                raise OSError(errno.ENOSPC, "No space left on device") from error
            raise


def read_array(path: Path | str, *, mmap: bool = False) -> np.ndarray:
    """Read a .npy array, memory-mapped on request."""
    with _readable(path, _REBUILD) as path:
        try:
            array: np.ndarray = np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
        except (SyntaxError, TokenError) as error:  # a damaged header is no Python any more
            raise ValueError(error.msg if isinstance(error, SyntaxError) else error.args[0]) from error
        return array


def write_table(path: Path | str, table: "pd.DataFrame") -> None:
    """Write a table as CSV or Parquet, by the file's suffix, without its index."""
    path = Path(path)
    with atomic(path) as temporary:
        if path.suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        else:
            table.to_csv(temporary, index=False, lineterminator="\n")


def read_table(path: Path | str) -> "pd.DataFrame":
    """Read a CSV or Parquet table; empty cells are empty strings, not NaN."""
    import pandas as pd

    with _readable(path, _REBUILD) as path:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, keep_default_na=False)


def write_figure(path: Path | str, figure: "Figure", dpi: int = 110) -> None:
    """Write a matplotlib figure as PNG without time or version stamps, and close it."""
    import matplotlib.pyplot as plt

    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=dpi, bbox_inches="tight", facecolor="white", metadata={"Software": None})
    plt.close(figure)


WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"


def write_model(folder: Path | str, weights: "Mapping[str, torch.Tensor]", config: Mapping[str, Any]) -> None:
    """Write weights as safetensors and the JSON that rebuilds the model, the JSON last.

    The config is written unrounded: it holds learning rates and the like.
    """
    from safetensors.torch import save_file

    folder = Path(folder)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    with atomic(folder / WEIGHTS_FILE) as temporary:
        try:
            save_file(tensors, temporary)
        except Exception as error:  # safetensors wraps the operating system's errors in its own
            if any(f"os error {number})" in str(error) for number in NO_SPACE):
                raise OSError(errno.ENOSPC, "No space left on device") from error
            raise
    write_text(folder / CONFIG_FILE, json.dumps(config, indent=2, allow_nan=False) + "\n")


def read_model(folder: Path | str) -> "tuple[dict[str, torch.Tensor], dict[str, Any]]":
    """Read what `write_model` wrote: the weights on the CPU, and the config. Nothing is unpickled."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(folder)
    config = read_json(folder / CONFIG_FILE)
    with _readable(folder / WEIGHTS_FILE, _REBUILD) as path:
        try:
            return load_file(path), config
        except SafetensorError as error:
            raise FerError(f"{path} is damaged ({error}). Delete {folder} and run `dvc repro`.") from error


def clean_folder(folder: Path | str) -> Path:
    """Empty a folder that a stage is about to fill, so that no file of an earlier run stays behind.

    Within `together`, it is emptied when that block ends, just before the new files take their places.

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
