"""The only place that knows file formats: every file of the pipeline is written and read here.

How they are written, whole or not at all, is in `writing.py`.
"""

import contextlib
import errno
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any

import numpy as np

from fer.errors import FerError, MissingFileError
from fer.writing import NO_SPACE, atomic

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from matplotlib.figure import Figure

DECIMALS = 4
_METADATA = b"fer"  # the key of our own metadata in a Parquet file


@contextlib.contextmanager
def _readable(path: Path | str, hint: str) -> Iterator[Path]:
    path = Path(path)
    try:
        yield path
    except FileNotFoundError as error:
        raise MissingFileError(path, hint) from error
    except PermissionError as error:
        raise FerError(f"{path} may not be read ({error.strerror}). Check its permissions.") from error
    except (ValueError, TypeError, OSError, EOFError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FerError(f"{path} can't be read ({reason}). Delete it and run `dvc repro`.") from error


@contextlib.contextmanager
def validating(path: Path | str) -> Iterator[None]:
    """Report what goes wrong in the block, which takes a file's content apart, as a fault of that file.

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


def read_cache(path: Path | str) -> dict[str, Any]:
    """Read a JSON object that can be made again at any time: empty where it is missing or damaged."""
    try:
        return read_json(path)
    except FerError:
        return {}


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


def write_table(path: Path | str, table: "pd.DataFrame", metadata: Mapping[str, Any] | None = None) -> None:
    """Write a table as CSV or Parquet, by the file's suffix, without its index.

    Args:
        path: the file.
        table: its content.
        metadata: what a Parquet file shall hold beside the table, as JSON can hold it; `read_metadata` reads it.
    """
    path = Path(path)
    with atomic(path) as temporary:
        if path.suffix == ".parquet":
            import pyarrow
            from pyarrow import parquet

            content = pyarrow.Table.from_pandas(table, preserve_index=False)
            if metadata:
                own = {_METADATA: json.dumps(dict(metadata), allow_nan=False).encode()}
                content = content.replace_schema_metadata({**(content.schema.metadata or {}), **own})
            parquet.write_table(content, temporary)
        else:
            table.to_csv(temporary, index=False, lineterminator="\n")


def read_metadata(path: Path | str) -> dict[str, Any]:
    """Read the metadata of a Parquet file; empty if `write_table` was given none, or somebody else wrote the file."""
    from pyarrow import parquet

    with _readable(path, _REBUILD) as path:
        content = (parquet.read_schema(path).metadata or {}).get(_METADATA, b"{}")
        return dict(json.loads(content))


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
