"""What the inputs of `fer bulk` stand for: pictures, tars and Parquet files, and the shards they are cut into."""

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from fer.bulk.parquet import row_ranges
from fer.bulk.shards import PARQUET, PICTURES, TAR, Shard
from fer.bulk.storage import Place, is_url
from fer.data import files, images
from fer.errors import FerError

_SUFFIXES = {PICTURES: images.SUFFIXES, TAR: (".tar", ".tar.gz", ".tgz"), PARQUET: (".parquet",)}
_READERS = 16  # threads that read the ends of Parquet files


@dataclass(frozen=True, slots=True)
class Source:
    """A file that holds pictures.

    Attributes:
        kind: of `fer.bulk.shards`.
        place: the folder to which its name is relative.
        name: of the file.
    """

    kind: str
    place: Place
    name: str

    @property
    def identity(self) -> str:
        """The same text for the same file."""
        return self.place.identity(self.name)


def find(inputs: Iterable[str], output: Place) -> tuple[list[Source], list[str]]:
    """The files that folders, patterns and URLs stand for, without repetition, sorted within each input.

    A folder stands for all pictures below it; if there are none, for its tars, and if there are none either, for its
    Parquet files: these may well be tables about the pictures beside them.

    Args:
        inputs: as a user types them.
        output: the folder of results, whose files are no inputs.

    Returns:
        The files, and a line for each kind of file that is left out.

    Raises:
        FerError: an input matches nothing, or can't be read.
    """
    found: dict[str, Source] = {}
    left_out: list[str] = []
    for text in inputs:
        try:
            candidates = _at_url(text, left_out) if is_url(text) else _on_disk(text, left_out)
        except OSError as error:
            raise FerError(f"{text} can't be read ({error.strerror or error}). Put it right and run again.") from error
        own = [each for each in candidates if not output.holds(each.identity)]
        if not own:
            raise FerError(f"{text[:200]}: {_why_nothing(text)}.")
        found |= {source.identity: source for source in own if source.identity not in found}
    return list(found.values()), left_out


def _why_nothing(text: str) -> str:
    """Why an input stands for no files."""
    if is_url(text) or os.path.lexists(Place.of(text or ".").root):
        return "there are no pictures, tar files or Parquet files in it"
    return "no file matches this pattern" if glob.has_magic(text) else "there is no such file or folder"


def cut(sources: Sequence[Source], size: int, column: str | None) -> list[Shard]:
    """Cut files into shards.

    Args:
        sources: in any order.
        size: pictures a shard, where pictures are files of their own or rows of a Parquet file.
        column: of the Parquet files; None to find it.

    Raises:
        FerError: a Parquet file can't be read, or has no such column.
    """
    shards = []
    for (kind, place), group in groupby(sources, key=lambda source: (source.kind, source.place)):
        names = [source.name for source in group]
        own = partial(Shard, kind, place.root, place.shown)
        if kind == PICTURES:
            shards += [own(tuple(names[start : start + size])) for start in range(0, len(names), size)]
        elif kind == TAR:
            shards += [own((name,)) for name in names]
        else:
            with ThreadPoolExecutor(_READERS) as pool:
                ranges = pool.map(lambda name, place=place: row_ranges(place, name, column, size), names)
                shards += [own((name,), *rows) for name, each in zip(names, ranges, strict=True) for rows in each]
    return shards


def _on_disk(text: str, left_out: list[str]) -> list[Source]:
    place = Place.of(text or ".")
    path = Path(place.root)
    here = Place(os.getcwd(), "")
    if path.is_dir():
        undecodable: list[str] = []
        names = files.walk(path, undecodable=undecodable)
        left_out += [f"{place.show(name)} is skipped: its name is not valid UTF-8. Rename it." for name in undecodable]
        return list(_one_kind(place, names, left_out))
    if os.path.lexists(path):
        return [Source(_kind(place.shown), here, place.shown)]
    names = sorted(name for name in glob.glob(place.shown, recursive=True) if not os.path.isdir(name))
    return [Source(_kind(name), here, name) for name in names]


def _at_url(text: str, left_out: list[str]) -> list[Source]:
    address, mark, query = text.partition("?")
    fixed = re.split(r"/[^/]*[*\[]", address, maxsplit=1)[0]
    place = Place.of(fixed + mark + query)
    if fixed != address:
        from fsspec.utils import glob_translate

        matches = re.compile(glob_translate(address[len(fixed) + 1 :])).match
        return [Source(_kind(name), place, name) for name in place.sizes() if matches(name)]
    if place.is_file():
        folder, _, name = address.rpartition("/")
        return [Source(_kind(name), Place.of(folder + mark + query), name)]
    return list(_one_kind(place, place.sizes(), left_out))


def _one_kind(place: Place, names: Iterable[str], left_out: list[str]) -> Iterator[Source]:
    """The files of the first kind that a folder holds."""
    by_kind = {kind: [name for name in names if name.lower().endswith(ends)] for kind, ends in _SUFFIXES.items()}
    there = [kind for kind, found in by_kind.items() if found]
    for kind in there[1:]:
        example = place.show(by_kind[kind][0])
        left_out.append(
            f"{place.shown}: only the {there[0]} are read. Its {kind} ({len(by_kind[kind]):,}, such as {example}) are "
            "skipped; to read them, name them as input."
        )
    for kind in there[:1]:
        yield from (Source(kind, place, name) for name in by_kind[kind])


def _kind(name: str) -> str:
    """The kind of a file that was named: what is neither a tar nor Parquet should be a picture."""
    return next((kind for kind in (TAR, PARQUET) if name.lower().endswith(_SUFFIXES[kind])), PICTURES)
