"""Annotated copies of photos: a numbered box around each face, and its expression."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fer import writing
from fer.inference import marks
from fer.inference.faces import Face
from fer.inference.frame import Frame
from fer.inference.heat_picture import warmed
from fer.inference.labels import Mark
from fer.inference.layout import Rectangle

if TYPE_CHECKING:
    from PIL.Image import Image

SMALLEST_SIDE = 640  # pixels of the longer side: text on a smaller copy could not be read, so it is enlarged
_QUALITY = 95


def write(path: Path, frame: Frame, faces: Sequence[Face]) -> None:
    """Write an annotated copy of a frame, JPEG or PNG by the path's suffix.

    Raises:
        FerError: the file can't be written.
    """
    image = annotated(frame.image(), faces, legend=True)
    with writing.atomic(path) as temporary:
        if path.suffix.lower() in (".jpg", ".jpeg"):
            image.save(temporary, "JPEG", quality=_QUALITY)
        else:
            image.save(temporary, "PNG")


def annotated(image: "Image", faces: Sequence[Face], numbers: Sequence[int] = (), *, legend: bool = False) -> "Image":
    """A copy of a picture with its faces marked, and with the heat maps of those that have explanations.

    A small picture is enlarged until the text can be read.

    Args:
        image: RGB, upright.
        faces: with boxes in its pixels.
        numbers: to be shown with the faces, one for each; by default 1, 2, ..., as in the rows of the table.
        legend: whether a legend may be added beside or below the picture; otherwise pictures of one size have copies
            of one size.
    """
    from PIL import Image

    scale = max(1.0, SMALLEST_SIDE / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    copy = image.copy() if scale == 1 else image.resize(size, Image.Resampling.BICUBIC)
    copy = warmed(copy, faces, scale)
    boxes = [_within(_rectangle(face, scale), copy.size) for face in faces]
    shown = numbers or range(1, len(faces) + 1)
    return marks.draw(copy, [Mark(*each) for each in zip(shown, faces, boxes, strict=True)], legend)


def _rectangle(face: Face, scale: float) -> Rectangle:
    left, top, width, height = (value * scale for value in face.box)
    return left, top, left + width, top + height


def _within(box: Rectangle, size: tuple[int, int]) -> Rectangle:
    """A box, clipped to the picture."""
    left, top, right, bottom = box
    left, top = min(max(0, left), size[0] - 1), min(max(0, top), size[1] - 1)
    return left, top, max(left, min(right, size[0] - 1)), max(top, min(bottom, size[1] - 1))
