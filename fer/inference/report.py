"""The answers as text: a table to read, and JSON, JSON lines and CSV for machines."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from fer.emotions import EMOTIONS
from fer.inference.faces import COLUMNS, Face, Photo, row
from fer.inference.network import Network

_BAR = 12


def write(photos: Iterable[Photo], form: str, networks: Sequence[Network], top: int, width: int) -> Iterator[str]:
    """The answers piece by piece, so that the first are read while the last are computed.

    Args:
        photos: that could be read.
        form: table, json, jsonl or csv.
        networks: whose answers they are.
        top: how many emotions a table's row names.
        width: of the terminal, in columns.
    """
    writers: dict[str, Callable[[], Iterator[str]]] = {
        "table": lambda: _table(photos, top, width),
        "json": lambda: _json(photos, networks),
        "jsonl": lambda: (json_line(photo, networks) for photo in photos),
        "csv": lambda: _csv(photos),
    }
    yield from writers[form]()


def as_dict(photo: Photo, networks: Sequence[Network]) -> dict[str, Any]:
    """A photo as JSON holds it."""
    return {
        "file": printable(photo.name),
        "width": photo.width,
        "height": photo.height,
        "model": [network.about.name for network in networks],
        "faces": [_face(face) for face in photo.faces],
        **({"problem": photo.problem} if photo.problem else {}),
    }


def json_line(photo: Photo, networks: Sequence[Network]) -> str:
    """A photo as a line of a JSON lines file."""
    return json.dumps(as_dict(photo, networks), ensure_ascii=False) + "\n"


def _face(face: Face) -> dict[str, Any]:
    left, top, width, height = (round(value, 1) for value in face.box)
    chances = (round(float(value), 4) for value in face.probabilities)
    return {
        "box": {"left": left, "top": top, "width": width, "height": height},
        "score": round(face.score, 3),
        "quality": face.quality,
        "reasons": list(face.reasons),
        "expression": face.expression,
        "probabilities": dict(zip(EMOTIONS, chances, strict=True)),
    }


def _json(photos: Iterable[Photo], networks: Sequence[Network]) -> Iterator[str]:
    yield "["
    for number, photo in enumerate(photos):
        yield ("," if number else "") + "\n" + json.dumps(as_dict(photo, networks), ensure_ascii=False)
    yield "\n]\n"


def _csv(photos: Iterable[Photo]) -> Iterator[str]:
    yield csv_line(COLUMNS)
    for photo in photos:
        yield from csv_lines(photo)


def csv_lines(photo: Photo) -> Iterator[str]:
    """The lines of a photo's faces in a CSV file whose head is `csv_line(COLUMNS)`."""
    for number, face in enumerate(photo.faces):
        name, *values = row(photo, number, face)
        yield csv_line([printable(str(name)), *values])


def csv_line(values: Iterable[object]) -> str:
    """One line of a CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _table(photos: Iterable[Photo], top: int, width: int) -> Iterator[str]:
    """A line a face: its number and place, the expression with a bar, the runners-up, what speaks against it."""
    for photo in photos:
        yield f"{_shortened(_one_line(photo.name), width)}\n"
        for number, face in enumerate(photo.faces, start=1):
            (first, chance), *others = face.ranked[:top]
            left, above, wide, tall = (round(value) for value in face.box)
            bar = "█" * round(chance * _BAR)
            runners = ", ".join(f"{name} {value:.0%}" for name, value in others)
            place = f"{wide}x{tall} at {left},{above}"
            line = f"  {number:>2}  {place:<20} {first:<8} {chance:4.0%} {bar:<{_BAR}}  {runners}".rstrip()
            remark = f"[{'; '.join(face.reasons)}]" if face.reasons else ""
            if remark and len(line) + 2 + len(remark) <= width:
                line, remark = f"{line}  {remark}", ""
            yield f"{_shortened(line, width)}\n"
            if remark:
                yield f"{_shortened(f'      {remark}', width)}\n"
        if photo.problem:
            yield f"{_shortened(f'  {photo.problem}', width)}\n"


def printable(name: str) -> str:
    """A file's name with what is no UTF-8 written out."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _one_line(name: str) -> str:
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in printable(name))


def _shortened(line: str, width: int) -> str:
    return line if len(line) <= width else line[: max(1, width - 1)] + "…"
