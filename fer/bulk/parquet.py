"""Parquet files of pictures: a column of encoded pictures, or of paths."""

from collections.abc import Iterator
from typing import Any

from fer.bulk.storage import Place
from fer.errors import FerError
from fer.inference.text import one_line

_ROWS = 16  # that are held at a time
_BUFFER = 1 << 20  # bytes


def row_ranges(place: Place, name: str, column: str | None, size: int) -> list[tuple[int, int]]:
    """Where to cut a file into shards: the first row of each, and the row after its last one.

    Rows of paths are cut at will. To find a picture within a row group all before it is read, so a file of pictures is
    cut between row groups only.

    Args:
        place: the folder.
        name: of the file.
        column: as `open_column`.
        size: rows of a shard, at least if the file is cut between row groups.

    Raises:
        FerError: the file can't be read, or has no such column.
    """
    with place.open(name) as opened:
        file, _, holds_paths = open_column(opened, place.show(name), column)
        total = file.metadata.num_rows
        groups = [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)]
    if holds_paths:
        return [(start, min(start + size, total)) for start in range(0, total, size)]
    ranges, start, stop = [], 0, 0
    for rows in groups:
        stop += rows
        if stop - start >= size or (stop == total and stop > start):
            ranges.append((start, stop))
            start = stop
    return ranges


def open_column(opened: Any, shown: str, column: str | None) -> tuple[Any, str, bool]:
    """Open a Parquet file, and find the column of its pictures.

    Args:
        opened: a file of `Place.open`.
        shown: its name, for the message.
        column: its dotted name, such as `image.bytes`; None for the only column of bytes, or, if there is none, the
            only one of texts.

    Returns:
        The `pyarrow.parquet.ParquetFile`, the name of the column, and whether it holds paths instead of pictures.

    Raises:
        FerError: the file is damaged, or it is not clear which column is meant.
    """
    from pyarrow import ArrowException, parquet

    try:
        # Without pre_buffer a column is read bit by bit, instead of a whole row group of pictures at once.
        file = parquet.ParquetFile(opened, buffer_size=_BUFFER, pre_buffer=False)
    except ArrowException as error:
        raise FerError(f"{shown} is not a readable Parquet file ({one_line(error)}). Replace or remove it.") from error
    columns = [file.schema.column(number) for number in range(len(file.schema))]
    single = [each for each in columns if each.physical_type == "BYTE_ARRAY" and each.max_repetition_level == 0]
    texts = {each.path: each.logical_type.type == "STRING" for each in single}
    if column is not None:
        if column not in texts:
            raise FerError(f"{shown} has no column {column} of pictures or paths. It has: {_listed(texts)}.")
        return file, column, texts[column]
    for holds_paths in (False, True):
        candidates = [name for name, text in texts.items() if text == holds_paths]
        if len(candidates) == 1:
            return file, candidates[0], holds_paths
        if candidates:
            break
    if not texts:
        raise FerError(f"{shown} has no column of pictures or paths.")
    raise FerError(
        f"{shown} has several columns that may hold the pictures. Choose one with --column: {_listed(texts)}."
    )


def _listed(texts: dict[str, bool]) -> str:
    return ", ".join(texts) or "no columns of bytes or text"


def values(file: Any, column: str, start: int, stop: int) -> Iterator[tuple[int, bytes | str | None]]:
    """The numbers of some rows, and what the column holds there."""
    first, groups = 0, []
    skipped = 0
    for number in range(file.metadata.num_row_groups):
        rows = file.metadata.row_group(number).num_rows
        if first + rows <= start:
            skipped = first + rows
        elif first < stop:
            groups.append(number)
        first += rows
    row = skipped
    for batch in file.iter_batches(batch_size=_ROWS, row_groups=groups, columns=[column], use_threads=False):
        array = batch.column(0)
        while hasattr(array.type, "num_fields") and array.type.num_fields == 1:  # `image.bytes` within `image`
            array = array.flatten()[0]
        for value in array:
            if start <= row < stop:
                yield row, value.as_py()
            row += 1
            if row >= stop:
                return
