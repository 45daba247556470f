"""Marks faces in a picture: boxes with numbers, and expressions as panels of bars, as lines, or in a legend.

A few faces have a panel of seven bars each. More faces have a line beside them. Where there is no room for that, boxes
carry a number alone, and a legend says the rest. What is written covers no face.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fer.emotions import COLORS
from fer.inference.labels import PAPER, Label, Line, Mark, Number, Panel
from fer.inference.layout import Rectangle, Room, columns

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

FEW = 3  # faces that may have panels; with more, nobody sees which panel is whose
MANY = 30  # faces that may have lines beside them; with more, a legend reads better
SMALLEST_TEXT = 11  # pixels
LARGEST_TEXT, READABLE_TEXT = 1 / 45, 1 / 110  # of the longer side: a screen shows a large picture reduced
_SHRINK = 0.85  # factor between the sizes of text that are tried


def draw(image: "Image", marks: Sequence[Mark], legend: bool = False) -> "Image":
    """Mark faces in a picture, in place.

    Args:
        image: RGB.
        marks: its faces, with boxes within the picture.
        legend: whether a legend may be added beside or below the picture where there is no room in it. Without one,
            faces for whose line there is no room have a number alone.

    Returns:
        The picture, with its legend.
    """
    from PIL import ImageDraw

    if not marks:
        return image
    canvas, boxes, side = ImageDraw.Draw(image), [mark.box for mark in marks], max(image.size)
    tall = float(np.median([bottom - top for _, top, _, bottom in boxes]))
    gap = max(2, round(side / 400))
    for mark, (_, top, _, bottom) in zip(marks, boxes, strict=True):
        thickness = min(gap, max(1, round((bottom - top) / 16)))
        canvas.rectangle(mark.box, outline=COLORS[mark.face.expression], width=thickness)
    number = Number(max(SMALLEST_TEXT, min(tall * 0.35, side * READABLE_TEXT)))
    numbers = Room(image.size, boxes).at_corners(boxes, [number.size(mark) for mark in marks])
    if len(marks) <= FEW:
        for panel in map(Panel, _texts(side, tall / 11)):
            room = Room(image.size, [*boxes, *numbers])
            places = room.beside(boxes, [panel.size(mark) for mark in marks], gap, upright=True)
            if None not in places:
                _write(canvas, number, marks, numbers)
                _write(canvas, panel, marks, places)
                return image
    if FEW < len(marks) <= MANY or not legend:
        for line in map(Line, _texts(side, tall / 6)):
            room = Room(image.size, boxes)
            places = room.beside(boxes, [line.size(mark) for mark in marks], 0, upright=False)
            if None not in places:
                break
        if None not in places or not legend:
            left = [mark for mark, place in zip(marks, places, strict=True) if place is None]
            rest = room.at_corners([mark.box for mark in left], [number.size(mark) for mark in left])
            _write(canvas, line, marks, places)
            _write(canvas, number, left, rest)
            return image
    _write(canvas, number, marks, numbers)
    return _with_legend(image, marks)


def _texts(side: int, wished: float) -> Iterator[float]:
    """Sizes of text to try, in pixels: the wished one, if it is readable and not too large, and smaller ones."""
    smallest = max(SMALLEST_TEXT, side * READABLE_TEXT)
    text = min(max(smallest, wished), max(smallest, side * LARGEST_TEXT))
    while text > smallest:
        yield text
        text *= _SHRINK
    yield smallest


def _write(canvas: "ImageDraw", label: Label, marks: Sequence[Mark], places: Sequence[Rectangle | None]) -> None:
    for mark, place in zip(marks, places, strict=True):
        if place is not None:
            label.draw(canvas, mark, place)


def _with_legend(image: "Image", marks: Sequence[Mark]) -> "Image":
    """The picture and, beside or below it, a panel or a line for each face, in the order of their numbers."""
    from PIL import Image, ImageDraw

    side = max(image.size)
    kind = Panel if len(marks) <= FEW else Line
    text = side * LARGEST_TEXT if kind is Panel else image.height / len(marks) / 2
    entry = kind(next(_texts(side, text)))
    sizes = [entry.size(mark) for mark in marks]
    pad = entry.text // 2
    width, height = max(wide for wide, _ in sizes) + pad, sizes[0][1] + pad
    across, down, beside = columns(len(marks), (width, height), image.size)
    left, top = (image.width, 0) if beside else (0, image.height)
    whole = Image.new(
        "RGB", (max(image.width, left + across * width + pad), max(image.height, top + down * height + pad)), PAPER
    )
    whole.paste(image)
    canvas = ImageDraw.Draw(whole)
    for position, mark in enumerate(marks):
        column, row = divmod(position, down)
        x, y = left + pad + column * width, top + pad + row * height
        entry.draw(canvas, mark, (x, y, x + width - pad, y + height - pad))
    return whole
