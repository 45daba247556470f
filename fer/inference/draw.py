"""Draws the result on a photo: a box around each face, its expression, and a bar for each emotion."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fer import writing
from fer.emotions import COLORS, EMOTIONS
from fer.inference.faces import Face
from fer.inference.frame import Frame
from fer.inference.heat_picture import warmed

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

SMALLEST_SIDE = 640  # pixels of the longer side: text on a smaller copy could not be read, so it is enlarged
SMALLEST_TEXT = 11  # pixels
_INK, _PAPER, _TRACK = "#FFFFFF", "#1A1A1A", "#4A4A4A"
_QUALITY = 95

Rectangle = tuple[float, float, float, float]  # left, top, right, bottom


def write(path: Path, frame: Frame, faces: Sequence[Face]) -> None:
    """Write an annotated copy of a frame, JPEG or PNG by the path's suffix.

    Raises:
        FerError: the file can't be written.
    """
    image = annotated(frame.image(), faces)
    with writing.atomic(path) as temporary:
        if path.suffix.lower() in (".jpg", ".jpeg"):
            image.save(temporary, "JPEG", quality=_QUALITY)
        else:
            image.save(temporary, "PNG")


def annotated(image: "Image", faces: Sequence[Face], numbers: Sequence[int] = ()) -> "Image":
    """A copy of a picture with its faces marked, and with the heat maps of those that have explanations.

    A small picture is enlarged until the text can be read.

    Args:
        image: RGB, upright.
        faces: with boxes in its pixels.
        numbers: to be shown with the faces, one for each; none of them by default.
    """
    from PIL import Image, ImageDraw

    scale = max(1.0, SMALLEST_SIDE / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    copy = image.copy() if scale == 1 else image.resize(size, Image.Resampling.BICUBIC)
    copy = warmed(copy, faces, scale)
    canvas = ImageDraw.Draw(copy)
    boxes = [_rectangle(face, scale) for face in faces]
    # Small faces first, so that the panels of the large ones are on top and whole.
    for number in sorted(range(len(faces)), key=lambda number: boxes[number][3] - boxes[number][1]):
        name = f"{numbers[number]}  " if numbers else ""
        _mark(canvas, faces[number], name, boxes[number], boxes, copy.size)
    return copy


def _rectangle(face: Face, scale: float) -> Rectangle:
    left, top, width, height = (value * scale for value in face.box)
    return left, top, left + width, top + height


def _mark(
    canvas: "ImageDraw", face: Face, name: str, box: Rectangle, others: Sequence[Rectangle], size: tuple[int, int]
) -> None:
    colour = COLORS[face.expression]
    line = max(2, round(max(size) / 400))
    canvas.rectangle(_within(box, size), outline=colour, width=line)
    # The panel is about as tall as its face, but its text neither unreadable nor a quarter of the picture.
    text = float(round(min(max(SMALLEST_TEXT, (box[3] - box[1]) / 11), max(SMALLEST_TEXT, max(size) / 45))))
    panel = _panel_size(canvas, text)
    if panel[0] > size[0] or panel[1] > size[1]:
        text = max(4, text * min(size[0] / panel[0], size[1] / panel[1]))
        panel = _panel_size(canvas, text)
    _panel(canvas, face, name, _place(box, panel, others, size, line), text)


def _within(box: Rectangle, size: tuple[int, int]) -> Rectangle:
    """A box, clipped to the picture."""
    left, top, right, bottom = box
    left, top = min(max(0, left), size[0] - 1), min(max(0, top), size[1] - 1)
    return left, top, max(left, min(right, size[0] - 1)), max(top, min(bottom, size[1] - 1))


@lru_cache(maxsize=32)  # loading it takes longer than drawing with it
def _font(text: float) -> "FreeTypeFont":
    from PIL import ImageFont

    return ImageFont.load_default(text)  # type: ignore[return-value]  # the wheels all have FreeType


def _panel_size(canvas: "ImageDraw", text: float) -> tuple[int, int]:
    widest = max(canvas.textlength(name, _font(text)) for name in EMOTIONS)
    return round(widest + 6.2 * text), round(1.9 * text + len(EMOTIONS) * 1.25 * text)


def _place(
    box: Rectangle, panel: tuple[int, int], others: Sequence[Rectangle], size: tuple[int, int], gap: int
) -> tuple[float, float]:
    """The position, inside the picture and next to the box, at which the panel covers least of other faces."""
    left, top, right, bottom = box
    width, height = panel
    wished = ((right + gap, top), (left - gap - width, top), (left, bottom + gap), (left, top - gap - height))
    inside = [(min(max(0, x), max(0, size[0] - width)), min(max(0, y), max(0, size[1] - height))) for x, y in wished]

    def covered(place: tuple[float, float]) -> float:
        x, y = place
        shares = (
            (min(x + width, right) - max(x, left), min(y + height, bottom) - max(y, top))
            for left, top, right, bottom in others
        )
        return sum(wide * tall for wide, tall in shares if wide > 0 and tall > 0)

    return min(inside, key=covered)


def _panel(canvas: "ImageDraw", face: Face, name: str, place: tuple[float, float], text: float) -> None:
    x, y = place
    width, height = _panel_size(canvas, text)
    font, pad = _font(text), 0.35 * text
    canvas.rectangle((x, y, x + width - 1, y + height - 1), fill=_PAPER)
    canvas.rectangle((x, y, x + width - 1, y + 1.7 * text), fill=COLORS[face.expression])
    doubt = "?" if face.reasons else ""
    canvas.text((x + pad, y + 0.85 * text), f"{name}{face.expression} {face.ranked[0][1]:.0%}{doubt}", _INK, font, "lm")
    names = max(canvas.textlength(name, font) for name in EMOTIONS)
    begin, length = x + 2 * pad + names, width - names - 3 * pad
    for row, (emotion, chance) in enumerate(zip(EMOTIONS, face.probabilities, strict=True)):
        middle = y + 1.9 * text + (row + 0.5) * 1.25 * text
        canvas.text((x + pad, middle), emotion, _INK, font, "lm")
        above, below = middle - 0.4 * text, middle + 0.4 * text
        canvas.rectangle((begin, above, begin + length, below), fill=_TRACK)
        if chance * length >= 1:
            canvas.rectangle((begin, above, begin + float(chance) * length, below), fill=COLORS[emotion])
