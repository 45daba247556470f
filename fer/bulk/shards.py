"""Shards: pictures that one worker answers in one go, and whose answers are one file.

A shard is a list of files of pictures, a tar, or some rows of a Parquet file. Its name is a digest of what it holds, so
whoever answers it, and however often, writes the same file.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from fer.bulk.storage import Place
from fer.errors import FerError
from fer.hashing import sha256
from fer.inference.text import one_line

PICTURES, TAR, PARQUET = "pictures", "tars", "Parquet files"
FACES = "faces"  # the subfolder of the answers
PLAN = "plan"  # the subfolder of the lists of shards
_DIGITS = 20


@dataclass(frozen=True)
class Shard:
    """A shard.

    Attributes:
        kind: PICTURES, TAR or PARQUET.
        root, shown: of the `Place` of its files.
        names: of its files, relative to that place; a tar or Parquet file is alone.
        start, stop: which rows of the Parquet file.
    """

    kind: str
    root: str
    shown: str
    names: tuple[str, ...]
    start: int = 0
    stop: int = 0

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Shard":
        """A shard from what `asdict` makes of it."""
        return cls(**values | {"names": tuple(values["names"])})

    @property
    def place(self) -> Place:
        """The folder to which its names are relative."""
        return Place(self.root, self.shown)

    @property
    def identities(self) -> list[str]:
        """Of its files."""
        return [self.place.identity(name) for name in self.names]

    @cached_property
    def id(self) -> str:
        """A digest of what it holds."""
        return sha256(json.dumps([self.kind, self.identities, self.start, self.stop]).encode())[:_DIGITS]

    @property
    def part(self) -> str:
        """The file of its answers, relative to the output."""
        return f"{FACES}/{self.id}.parquet"

    def __str__(self) -> str:
        """For messages."""
        first, last = self.place.show(self.names[0]), self.place.show(self.names[-1])
        return first if first == last else f"{first} to {last}"


def read_plan(output: Place) -> list[Shard]:
    """The shards that runs into this output have planned until now.

    Raises:
        FerError: a list is damaged.
    """
    from pyarrow import parquet

    shards: list[Shard] = []
    for name in output.sizes(PLAN):
        try:
            with output.open(name) as file:
                shards += [Shard.of(row) for row in parquet.read_table(file).to_pylist()]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise FerError(
                f"{output.show(name)} can't be read ({one_line(error)}). Restore it, or name another folder."
            ) from error
    return shards


def write_plan(output: Place, shards: Sequence[Shard]) -> None:
    """Add shards to the plan.

    They are planned once and for all: a later run with more pictures adds to them, so that no picture is in two shards.

    Raises:
        FerError: the list can't be written.
    """
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.Table.from_pylist([asdict(shard) for shard in shards])
    content = io.BytesIO()
    parquet.write_table(table, content, compression="zstd")
    name = sha256(shard.id.encode() for shard in shards)[:_DIGITS]
    output.write(f"{PLAN}/{name}.parquet", content.getvalue())


def finished(output: Place) -> set[str]:
    """The ids of the shards whose answers are there.

    An empty file, which a power cut can leave behind, is not.
    """
    return {name[len(FACES) + 1 :].partition(".")[0] for name, size in output.sizes(FACES).items() if size}
