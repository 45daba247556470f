"""The answers as HTML: the annotated picture, a card with seven bars for each face, and the table to download."""

import base64
import io
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from fer.emotions import COLORS
from fer.inference.faces import Face

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_CARDS = 12  # with more, a page is too long to be read
LARGEST_PICTURE = 2000  # pixels of the longer side: a screen shows no more
_QUALITY = 88


def problem(text: str) -> str:
    """A problem, as one line that a screen reader says at once."""
    return f'<p class="fer-problem" role="alert">{escape(text)}</p>'


def lines(texts: Iterable[str]) -> str:
    """Lines of text."""
    return "".join(f"<p>{escape(text)}</p>" for text in texts if text)


def picture(image: "Image", faces: Sequence[Face], quality: int = _QUALITY) -> str:
    """A picture with its faces in words; reduced if it is larger than a screen.

    Args:
        image: RGB.
        faces: that are marked in it.
        quality: of the JPEG file.
    """
    from PIL import Image

    if max(image.size) > LARGEST_PICTURE:
        image = image.copy()
        image.thumbnail((LARGEST_PICTURE, LARGEST_PICTURE), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    words = "; ".join(f"face {number}: {_summary(face)}" for number, face in enumerate(faces[:MOST_CARDS], 1))
    return _image(_data("image/jpeg", content.getvalue()), f"The picture. {words or 'No face.'}")


def timeline(content: bytes, number: int) -> str:
    """The picture of an identity's expressions over time, from a PNG file."""
    return _image(_data("image/png", content), f"Face {number}: its expressions over time")


def video(content: bytes) -> str:
    """A player for an mp4 file."""
    return f'<video controls playsinline src="{_data("video/mp4", content)}" aria-label="The annotated clip"></video>'


def cards(faces: Sequence[Face], numbers: Sequence[int] = ()) -> str:
    """A card for each face: its expression, a bar for each emotion, its quality and what lowers it.

    Args:
        faces: of a picture.
        numbers: to be shown with the faces; by default 1, 2, ...
    """
    shown = list(zip(numbers or range(1, len(faces) + 1), faces, strict=True))
    left = len(shown) - MOST_CARDS
    more = lines([f"{left:,} more in the table."] if left > 0 else [])
    return f'<ul class="fer-faces">{"".join(_card(*each) for each in shown[:MOST_CARDS])}</ul>{more}'


def download(name: str, content: str) -> str:
    """A link that saves a CSV table."""
    data = _data("text/csv;charset=utf-8", content.encode(errors="backslashreplace"))
    return f'<p><a class="fer-download" download="{escape(name)}" href="{data}">Download the table (CSV)</a></p>'


def _card(number: int, face: Face) -> str:
    why = f": {'; '.join(face.reasons)}" if face.reasons else ""
    return (
        f'<li><h3 style="--colour: {COLORS[face.expression]}"><span>{number}</span> {_summary(face)}</h3>'
        f"<dl>{''.join(_bars(face))}</dl><p>quality {face.quality:g}{escape(why)}</p></li>"
    )


def _bars(face: Face) -> Iterator[str]:
    for emotion, value in face.scores.items():
        bar = f'<span class="fer-bar" style="--share: {value:.3f}; --colour: {COLORS[emotion]}"></span>'
        yield f"<div><dt>{emotion}</dt><dd>{bar}{value:.0%}</dd></div>"


def _summary(face: Face) -> str:
    return f"{face.expression} {face.ranked[0][1]:.0%}"


def _image(source: str, words: str) -> str:
    return f'<img src="{source}" alt="{escape(words)}">'


def _data(kind: str, content: bytes) -> str:
    """Content as an address, so that it needs no file."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
