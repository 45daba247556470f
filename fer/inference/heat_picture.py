"""Draws heat maps: over the faces of a photo, and one face by itself on a sheet."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fer import writing
from fer.emotions import COLORS, INDEX
from fer.explain import CAM, OCCLUSION, heat
from fer.inference.about import About
from fer.inference.explain import Explanation
from fer.inference.faces import Face
from fer.landmarks import topology

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

SHOWN = 2  # emotions whose maps are on a sheet: the likeliest
_METHODS = {CAM: "class activation", OCCLUSION: "occlusion"}
_TILE, _GAP, _TITLE, _TEXT, _LINE = 264, 12, 26, 14, 18  # pixels
_INK, _FAINT, _PAPER = "#1A1A1A", "#6B6B6B", "#FFFFFF"
_MESH = (255, 255, 255, 70)  # RGBA
_EDGE = 0.06  # share of a map's side over which it fades at its edge: in a photo, a crop's edge means nothing


def warmed(image: "Image", faces: Sequence[Face], scale: float = 1.0) -> "Image":
    """Lay a map over each face: what speaks for its expression rather than for the runner-up.

    Where a model is sure, hiding the mouth of a smile hardly changes the evidence for happy, but adds much to that for
    neutral; so the difference is shown, as in contrastive explanations (Prabhushankar et al. 2020). Faces without an
    explanation stay as they are.

    Args:
        image: the photo, or an enlarged copy, in RGB.
        faces: found in the photo.
        scale: by which the copy is enlarged.
    """
    from PIL import Image

    explained = [face for face in faces if face.explanations]
    if not explained:
        return image
    picture = np.array(image)
    for face in explained:
        explanation = face.explanations[0]
        values = explanation.map_of(face.expression) - explanation.map_of(face.runner_up)
        _warm(picture, values, explanation.place, scale)
    return Image.fromarray(picture)


def _warm(picture: np.ndarray, values: np.ndarray, place: np.ndarray, scale: float) -> None:
    import cv2

    size = len(values)
    layer = heat.colours(values, float(np.abs(values).max())) * _faded(size)[..., None]
    sides = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, size]]) / size  # from a pixel of the map
    matrix = scale * place @ sides - np.array([[0, 0, 0.5], [0, 0, 0.5]])
    corners = matrix[:, :2] @ np.array([[0, 0, size, size], [0, size, 0, size]]) + matrix[:, 2:]
    left, top = np.maximum(np.floor(corners.min(axis=1)).astype(int) - 1, 0)
    right, bottom = np.maximum(np.ceil(corners.max(axis=1)).astype(int) + 2, 0)
    part = picture[top:bottom, left:right]
    if part.size:
        matrix[:, 2] -= (left, top)
        part[:] = heat.over(part, cv2.warpAffine(layer, matrix, part.shape[1::-1], flags=cv2.INTER_LINEAR))


def _faded(size: int) -> np.ndarray:
    """1 within a square, falling to 0 at its edge; float32 [size, size]."""
    places = (np.arange(size) + 0.5) / size
    ramp = np.clip(np.minimum(places, 1 - places) / _EDGE, 0, 1)
    return np.outer(ramp, ramp).astype(np.float32)


def write(path: Path, face: Face, about: About) -> None:
    """Write `sheet` as PNG.

    Raises:
        FerError: the file can't be written.
    """
    with writing.atomic(path) as temporary:
        sheet(face, about).save(temporary, "PNG")


def sheet(face: Face, about: About) -> "Image":
    """A face and the maps of its likeliest emotions, in a row for each of the model's inputs.

    Args:
        face: with explanations.
        about: the model.
    """
    from PIL import Image, ImageDraw

    rows = [_Row(face, explanation) for explanation in face.explanations]
    width = (SHOWN + 1) * (_TILE + _GAP) + _GAP
    image = Image.new("RGB", (width, _TITLE + sum(row.height for row in rows) + _LINE + _GAP), _PAPER)
    canvas = ImageDraw.Draw(image)
    for number, (title, colour) in enumerate(_titles(face)):
        canvas.text((_GAP + number * (_TILE + _GAP), _TITLE / 2), title, colour, _font(_TEXT + 2), "lm")
    top = _TITLE
    for row in rows:
        row.draw(image, top)
        top += row.height
    methods = " and ".join(_METHODS[explanation.method] for explanation in face.explanations)
    _legend(image, top, f"{about.name} ({about.precision}), {methods}")
    return image


def _titles(face: Face) -> list[tuple[str, str]]:
    likeliest = [(f"{emotion} {chance:.0%}", COLORS[emotion]) for emotion, chance in face.ranked[:SHOWN]]
    return [("what the model sees", _INK), *likeliest]


class _Row:
    """One explanation on a sheet: the crop, and the maps of the likeliest emotions on one scale."""

    def __init__(self, face: Face, explanation: Explanation) -> None:
        self._explanation = explanation
        self._emotions = [emotion for emotion, _ in face.ranked[:SHOWN]]
        self._strongest = max(float(np.abs(explanation.map_of(emotion)).max()) for emotion in self._emotions)
        self._lines = -(-len(explanation.areas) // 2)
        self.height = _TILE + self._lines * _LINE + _GAP

    def draw(self, image: "Image", top: int) -> None:
        """Draw the row on a sheet, from `top` downwards."""
        from PIL import Image

        crop = Image.fromarray(self._explanation.crop).resize((_TILE, _TILE), Image.Resampling.BICUBIC).convert("RGB")
        image.paste(self._with_mesh(crop), (_GAP, top))
        for number, emotion in enumerate(self._emotions, 1):
            values = Image.fromarray(self._explanation.map_of(emotion))
            enlarged = np.asarray(values.resize((_TILE, _TILE), Image.Resampling.BICUBIC))
            mixed = Image.fromarray(heat.over(np.asarray(crop), heat.colours(enlarged, self._strongest)))
            left = _GAP + number * (_TILE + _GAP)
            image.paste(self._with_mesh(mixed), (left, top))
            self._list_areas(image, emotion, left, top + _TILE + 2)

    def _with_mesh(self, picture: "Image") -> "Image":
        from PIL import ImageDraw

        if self._explanation.points is not None:
            canvas = ImageDraw.Draw(picture, "RGBA")
            points = self._explanation.points * _TILE
            for edge in topology.connections()["tesselation"]:
                canvas.line([tuple(points[end]) for end in edge], _MESH)
        return picture

    def _list_areas(self, image: "Image", emotion: str, left: int, top: int) -> None:
        from PIL import ImageDraw

        canvas = ImageDraw.Draw(image)
        amounts = {name: float(values[INDEX[emotion]]) for name, values in self._explanation.areas.items()}
        for number, (name, amount) in enumerate(sorted(amounts.items(), key=lambda item: -item[1])):
            column, row = divmod(number, self._lines)
            place = (left + column * _TILE // 2, top + (row + 0.5) * _LINE)
            canvas.text(
                place, f"{amount:+.1f} {name}", heat.FOR if amount > 0 else heat.AGAINST, _font(_TEXT - 1), "lm"
            )


def _legend(image: "Image", top: int, source: str) -> None:
    from PIL import Image, ImageDraw

    canvas, middle, font = ImageDraw.Draw(image), top + _LINE / 2, _font(_TEXT - 1)
    canvas.text((_GAP, middle), source, _FAINT, font, "lm")
    bar = np.tile(np.linspace(-1, 1, 80), (10, 1))
    left = _GAP + _TILE + _GAP
    canvas.text((left, middle), "speaks against it", _FAINT, font, "lm")
    left += round(canvas.textlength("speaks against it", font)) + 8
    white = np.full((*bar.shape, 3), 255, np.uint8)
    image.paste(Image.fromarray(heat.over(white, heat.colours(bar, 1.0))), (left, round(middle) - 5))
    canvas.text((left + 88, middle), "speaks for it", _FAINT, font, "lm")


@lru_cache(maxsize=4)
def _font(size: int) -> "FreeTypeFont":
    from PIL import ImageFont

    return ImageFont.load_default(size)  # type: ignore[return-value]  # the wheels all have FreeType
