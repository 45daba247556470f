"""What is written beside a face: a number, a line with the expression, or a panel with a bar for each emotion."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from fer.emotions import COLORS, EMOTIONS
from fer.inference.faces import Face
from fer.inference.layout import Rectangle

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

PAPER = "#1A1A1A"
_INK, _TRACK = "#FFFFFF", "#4A4A4A"


@dataclass(frozen=True)
class Mark:
    """A face to mark.

    Attributes:
        number: that is shown with it.
        face: with its expression.
        box: in pixels of the picture that is marked.
    """

    number: int
    face: Face
    box: Rectangle

    @property
    def text(self) -> str:
        """The expression with its probability, and a question mark where the face's quality is below 1."""
        return f"{self.face.expression} {self.face.ranked[0][1]:.0%}{'?' if self.face.reasons else ''}"


class Label(ABC):
    """A way to write about a face.

    Args:
        text: height of the font, in pixels.
    """

    def __init__(self, text: float) -> None:
        self.text = max(1, round(text))  # whole pixels, so that few fonts are loaded
        self._font = _font(self.text)

    @abstractmethod
    def size(self, mark: Mark) -> tuple[int, int]:
        """The room that it takes, in pixels."""

    @abstractmethod
    def draw(self, canvas: "ImageDraw", mark: Mark, place: Rectangle) -> None:
        """Draw it."""

    def _fill(self, canvas: "ImageDraw", place: Rectangle, colour: str) -> None:
        left, top, right, bottom = place
        canvas.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), fill=colour)

    def _write(self, canvas: "ImageDraw", left: float, middle: float, text: str) -> None:
        canvas.text((left, middle), text, _INK, self._font, "lm")


class Number(Label):
    """The number on the colour of the expression."""

    def size(self, mark: Mark) -> tuple[int, int]:
        """As wide as its digits."""
        return round(self._font.getlength(str(mark.number)) + 0.7 * self.text), round(1.3 * self.text)

    def draw(self, canvas: "ImageDraw", mark: Mark, place: Rectangle) -> None:
        """Draw it."""
        self._fill(canvas, place, COLORS[mark.face.expression])
        self._write(canvas, place[0] + 0.35 * self.text, (place[1] + place[3]) / 2, str(mark.number))


class Line(Label):
    """The number, the expression and its probability."""

    def size(self, mark: Mark) -> tuple[int, int]:
        """As wide as its text."""
        return round(self._number_width(mark) + self._font.getlength(mark.text) + 0.9 * self.text), round(
            1.5 * self.text
        )

    def draw(self, canvas: "ImageDraw", mark: Mark, place: Rectangle) -> None:
        """Draw it."""
        left, top, _, bottom = place
        self._fill(canvas, place, PAPER)
        number = self._number_width(mark)
        self._fill(canvas, (left, top, left + number, bottom), COLORS[mark.face.expression])
        self._write(canvas, left + 0.4 * self.text, (top + bottom) / 2, str(mark.number))
        self._write(canvas, left + number + 0.45 * self.text, (top + bottom) / 2, mark.text)

    def _number_width(self, mark: Mark) -> int:
        return round(self._font.getlength(str(mark.number)) + 0.8 * self.text)


class Panel(Label):
    """A line, and a bar for each emotion."""

    def size(self, mark: Mark) -> tuple[int, int]:
        """The same for all faces."""
        return round(self._names() + 6.2 * self.text), round(1.9 * self.text + len(EMOTIONS) * 1.25 * self.text)

    def draw(self, canvas: "ImageDraw", mark: Mark, place: Rectangle) -> None:
        """Draw it."""
        left, top, right, _ = place
        text, pad = self.text, 0.35 * self.text
        self._fill(canvas, place, PAPER)
        self._fill(canvas, (left, top, right, top + 1.7 * text), COLORS[mark.face.expression])
        self._write(canvas, left + pad, top + 0.85 * text, f"{mark.number}  {mark.text}")
        begin = left + 2 * pad + self._names()
        length = right - pad - begin
        for row, (name, chance) in enumerate(mark.face.scores.items()):
            middle = top + 1.9 * text + (row + 0.5) * 1.25 * text
            self._write(canvas, left + pad, middle, name)
            above, below = middle - 0.4 * text, middle + 0.4 * text
            canvas.rectangle((begin, above, begin + length, below), fill=_TRACK)
            if chance * length >= 1:
                canvas.rectangle((begin, above, begin + chance * length, below), fill=COLORS[name])

    def _names(self) -> float:
        return max(self._font.getlength(name) for name in EMOTIONS)


@lru_cache(maxsize=32)  # loading one takes longer than writing with it
def _font(text: int) -> "FreeTypeFont":
    from PIL import ImageFont

    return ImageFont.load_default(text)  # type: ignore[return-value]  # the wheels all have FreeType
