"""The answers as text: a table for people, and JSON, JSON lines and CSV for programs.

All of them are safe to show in a terminal: control characters in the names of files are written as escapes.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from fer.inference.faces import COLUMNS, Face, Photo, pose_values, row
from fer.inference.network import Network
from fer.inference.quality import HeadPose
from fer.inference.text import printable

FORMATS = ("table", "json", "jsonl", "csv")
_BAR = 12  # columns

Write = Callable[[str], None]


def write(
    photos: Iterable[Photo],
    form: str,
    networks: Sequence[Network],
    out: Write,
    *,
    top: int = 3,
    width: int = 120,
    ascii_only: bool = False,
) -> None:
    """Write the answers piece by piece, so that the first are read while the last are computed.

    Args:
        photos: that could be read.
        form: one of `FORMATS`.
        networks: the models that gave the answers.
        out: called with each piece of text.
        top: how many emotions a table's row names.
        width: of the table, in columns.
        ascii_only: whether to draw bars and ellipses in ASCII.
    """
    if form == "json":
        _write_json(photos, networks, out)
    elif form == "jsonl":
        for photo in photos:
            out(json_line(photo, networks))
    elif form == "csv":
        out(csv_line(COLUMNS))
        for photo in photos:
            out("".join(csv_lines(photo)))
    else:
        for photo in photos:
            for line in _table(photo, top, width, "#" if ascii_only else "█"):
                out(_shortened(line, width, "..." if ascii_only else "…") + "\n")


def as_dict(photo: Photo, networks: Sequence[Network]) -> dict[str, Any]:
    """A photo as a JSON object."""
    return {
        "file": _valid(photo.name),
        "width": photo.width,
        "height": photo.height,
        "model": [network.about.name for network in networks],
        "faces": [face_as_dict(face) for face in photo.faces],
        "too_small": photo.too_small,
        **({"smallest": round(photo.smallest, 1)} if photo.too_small else {}),
        **({"problem": _valid(photo.problem)} if photo.problem else {}),
    }


def json_line(photo: Photo, networks: Sequence[Network]) -> str:
    """A photo as a line of a JSON lines file."""
    return _json(as_dict(photo, networks)) + "\n"


def csv_lines(photo: Photo) -> Iterator[str]:
    """The CSV lines of a photo's faces, with the columns `COLUMNS`."""
    for number, face in enumerate(photo.faces, 1):
        name, *values = row(photo, number, face)
        yield csv_line([printable(str(name)), *values])


def csv_line(values: Iterable[object]) -> str:
    """One line of a CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def face_as_dict(face: Face) -> dict[str, Any]:
    """A face as a JSON object."""
    left, top, width, height = (round(value, 1) for value in face.box)
    return {
        "box": {"left": left, "top": top, "width": width, "height": height},
        "score": round(face.score, 3),
        "pose": dict(zip(HeadPose._fields, pose_values(face), strict=True)),
        "quality": face.quality,
        "reasons": list(face.reasons),
        "expression": face.expression,
        "probabilities": {emotion: round(value, 4) for emotion, value in face.scores.items()},
    }


def _write_json(photos: Iterable[Photo], networks: Sequence[Network], out: Write) -> None:
    out("[")
    separator = "\n"
    try:
        for photo in photos:
            out(separator + _json(as_dict(photo, networks)))
            separator = ",\n"
    finally:  # also after Ctrl-C, so that what was answered until then can be parsed
        out("\n]\n")


def _json(content: dict[str, Any]) -> str:
    """JSON in readable Unicode, but for the characters that `printable` escapes."""
    text = json.dumps(content, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(json.dumps(letter)[1:-1] if printable(letter) != letter else letter for letter in text)


def _valid(text: str) -> str:
    """Text with bytes that are no UTF-8 written as escapes."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _table(photo: Photo, top: int, width: int, block: str) -> Iterator[str]:
    """A line per face: its number and box, its expression with a bar, the next emotions, why its quality is low.

    Then what was passed over.
    """
    yield printable(photo.name)
    for number, face in enumerate(photo.faces, start=1):
        (first, chance), *others = face.ranked[:top]
        left, above, wide, tall = (round(value) for value in face.box)
        bar = block * round(chance * _BAR)
        runners_up = ", ".join(f"{name} {value:.0%}" for name, value in others)
        place = f"{wide}x{tall} at {left},{above}"
        line = f"  {number:>2}  {place:<20} {first:<8} {chance:4.0%} {bar:<{_BAR}}  {runners_up}".rstrip()
        remark = f"[{'; '.join(face.reasons)}]" if face.reasons else ""
        if remark and len(line) + 2 + len(remark) <= width:
            line, remark = f"{line}  {remark}", ""
        yield line
        if remark:
            yield f"      {remark}"
    left_out = passed_over(photo.too_small, photo.smallest, photo.min_size)
    if photo.problem:
        yield f"  {printable(photo.problem)}"
        if left_out:
            yield f"  {left_out}"
    elif left_out:
        yield f"  {len(photo.faces):,} {'face' if len(photo.faces) == 1 else 'faces'}; {left_out}"


def passed_over(count: int, smallest: float, min_size: float) -> str:
    """How many faces are smaller than asked for, and with which option they are read; empty if there are none.

    Args:
        count: of these faces.
        smallest: size of the smallest of them, in pixels.
        min_size: that was asked for.
    """
    if not count:
        return ""
    return f"{count:,} smaller than {min_size:g} px (--min-size {max(1, int(smallest))} to read them)"


def answered_by(networks: Iterable[Network]) -> Iterator[str]:
    """A line for each model that answers: its name, and how good it is."""
    for network in networks:
        about, accuracy = network.about, network.test_accuracy
        worth = f"trained on {about.dataset}"
        if accuracy is not None:
            worth = f"{accuracy:.1%} right on the test faces of {about.dataset}"
        if network.share < 1:
            worth += f", {network.share:.0%} of the average"
        yield f"Answered by {about.name} ({about.precision}, weights {about.weights[:12]}, {worth})."


def _shortened(line: str, width: int, end: str) -> str:
    return line if len(line) <= width else line[: max(1, width - len(end))] + end
