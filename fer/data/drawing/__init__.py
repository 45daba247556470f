"""One drawn face: a person, an expression and a viewpoint become 48 x 48 grey pixels.

The face is drawn with anti-aliased polygons at four times its size, shaded, and reduced by averaging. Lengths
are in pixels of the final image, the origin lies between the eyes and the mouth, y points down.

The expression is given as action units of the Facial Action Coding System (Ekman and Friesen 1978), each from
0 (at rest) to about 1 (full): 1 inner brow raised, 2 outer brow raised, 4 brow lowered, 5 upper lid raised,
6 cheek raised, 7 lids tightened, 9 nose wrinkled, 10 upper lip raised, 12 lip corners pulled, 15 lip corners
depressed, 17 chin raised, 20 lips stretched, 23 lips tightened, 25 lips parted, 26 jaw dropped, 43 lids
drooping.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fer.data.drawing import features
from fer.data.drawing.pen import Pen
from fer.data.drawing.people import Person, Viewpoint
from fer.sizes import FACE

UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 17, 20, 23, 25, 26, 43)


def render(
    person: Person, units: Mapping[int, float], viewpoint: Viewpoint, generator: np.random.Generator
) -> np.ndarray:
    """Draw one face.

    Args:
        person: who it is.
        units: intensity of each of `UNITS`.
        viewpoint: how it is seen.
        generator: draws the noise of the film.

    Returns:
        uint8 [48, 48].
    """
    import cv2

    pen = Pen(person, viewpoint)
    features.draw_head(pen, person, units)
    features.draw_shading(pen, person, units)
    features.draw_wrinkles(pen, person, units)
    for side in (-1, 1):
        features.draw_eye(pen, person, units, side)
        features.draw_brow(pen, person, units, side)
    features.draw_nose(pen, person, units)
    features.draw_mouth(pen, person, units)
    features.draw_hair(pen, person)
    if person.glasses:
        features.draw_glasses(pen, person)
    small: Any = cv2.resize(pen.canvas, (FACE, FACE), interpolation=cv2.INTER_AREA).astype(np.float32)
    small *= _light(pen, person, viewpoint)
    if viewpoint.blur > 0.25:
        small = cv2.GaussianBlur(small, (0, 0), viewpoint.blur)
    small += generator.normal(0, viewpoint.noise, small.shape)
    return np.clip(np.round(small), 0, 255).astype(np.uint8)


_ROWS, _COLUMNS = np.mgrid[:FACE, :FACE].astype(np.float32)


def _light(pen: Pen, person: Person, viewpoint: Viewpoint) -> np.ndarray:
    """Brightness float32 [48, 48]: a lamp at an angle on the round head, a gradient on the rest."""
    (x, y), *_ = pen.project([(0.0, 0.0)])
    across = (_COLUMNS + 0.5 - x) / (person.width * viewpoint.scale)
    down = (_ROWS + 0.5 - y) / (person.height * viewpoint.scale)
    front = np.sqrt(np.clip(1 - across**2 - down**2, 0, 1))
    slope = across * np.cos(viewpoint.light) + down * np.sin(viewpoint.light)
    head = 1 + viewpoint.light_strength * (0.75 * np.clip(slope, -1, 1) + 0.5 * front - 0.35)
    gradient = 1 + viewpoint.gradient / 255 * (_COLUMNS / FACE - 0.5)
    return (viewpoint.exposure * head * gradient).astype(np.float32)
