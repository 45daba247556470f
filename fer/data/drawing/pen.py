"""Anti-aliased drawing in the coordinates of a face that turns, tilts and moves."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from fer.data.drawing.people import Person, Viewpoint
from fer.sizes import FACE

SCALE = 4  # supersampling
_FRACTION = 4  # binary digits behind the point in OpenCV's coordinates

Points = Any  # [n, 2], an array or pairs of numbers


class Pen:
    """Draws on the enlarged canvas in the coordinates of the face."""

    def __init__(self, person: Person, viewpoint: Viewpoint) -> None:
        self.canvas: Any = np.full((FACE * SCALE, FACE * SCALE), viewpoint.background, np.uint8)
        self._scale = viewpoint.scale
        radius = 1.05 * person.width
        self._flatness = np.array([1 / radius**2, 1 / (1.05 * person.height) ** 2])
        cosine, sine = np.cos(viewpoint.roll) * viewpoint.scale, np.sin(viewpoint.roll) * viewpoint.scale
        turn, depth = np.cos(viewpoint.yaw), np.sin(viewpoint.yaw)
        # Pixels of the final image = points @ turn + depth along `toward`, seen from the middle of the head.
        self._turn = np.array([[turn * cosine, turn * sine], [-sine, cosine]])
        self._toward = np.array([depth * cosine, depth * sine])
        self._bulge = 0.8 * radius * self._toward
        self._origin = np.array([viewpoint.shift_x, viewpoint.shift_y]) + FACE / 2 - 0.5 * radius * self._toward

    def project(self, points: Points, relief: float = 0.0) -> np.ndarray:
        """Turn, scale and shift points [n, 2] on the front of an ellipsoid into pixels of the final image.

        Args:
            points: x to the right and y down, in pixels before scaling.
            relief: how far the points stand out of the ellipsoid.
        """
        points = np.asarray(points, float)
        depth = np.sqrt(np.maximum(1 - (points * points) @ self._flatness, 0))
        pixels: np.ndarray = points @ self._turn
        pixels += depth[:, None] * self._bulge
        pixels += self._origin + relief * self._toward
        return pixels

    def _fixed(self, points: Points, relief: float, scale: int) -> np.ndarray:
        pixels = self.project(points, relief)
        pixels *= scale * 2**_FRACTION
        pixels -= 0.5 * 2**_FRACTION
        return np.rint(pixels, out=pixels).astype(np.int32)

    def fill(self, points: Points, tone: float, relief: float = 0.0) -> None:
        """Fill a polygon [n, 2]."""
        import cv2

        cv2.fillPoly(self.canvas, [self._fixed(points, relief, SCALE)], _tone(tone), cv2.LINE_AA, _FRACTION)

    def line(self, points: Points, tone: float, width: float, relief: float = 0.0) -> None:
        """Draw an open line [n, 2]."""
        import cv2

        thickness = max(1, round(width * SCALE * self._scale))
        pixels = [self._fixed(points, relief, SCALE)]
        cv2.polylines(self.canvas, pixels, False, _tone(tone), thickness, cv2.LINE_AA, _FRACTION)

    def shade(self, spots: Sequence[tuple[Points, float]], softness: float) -> None:
        """Darken polygons [n, 2] by an amount each (lighten them if it is below 0), with soft edges."""
        import cv2

        layer: Any = np.full((FACE, FACE), 128, np.uint8)
        for points, amount in spots:
            cv2.fillPoly(layer, [self._fixed(points, 0, 1)], _tone(128 - amount), cv2.LINE_AA, _FRACTION)
        layer = cv2.GaussianBlur(layer, (0, 0), softness)
        layer = cv2.resize(layer, self.canvas.shape, interpolation=cv2.INTER_LINEAR)
        self.canvas = cv2.addWeighted(self.canvas, 1, layer, 1, -128)


def _tone(value: float) -> tuple[int]:
    return (int(min(max(value, 0), 255)),)


@functools.lru_cache
def _circle(points: int) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], -1)


@functools.lru_cache
def _parabola(points: int) -> np.ndarray:
    """Weights [n, 3] of a parabola's start, middle and end."""
    t = np.linspace(0, 1, points)
    return np.stack([(1 - t) * (1 - 2 * t), 4 * t * (1 - t), t * (2 * t - 1)], -1)


def ellipse(x: float, y: float, width: float, height: float, points: int = 20) -> np.ndarray:
    """Points [n, 2] of an ellipse with the given half axes."""
    circle = _circle(points)
    outline = np.empty_like(circle)
    outline[:, 0] = width * circle[:, 0] + x
    outline[:, 1] = height * circle[:, 1] + y
    return outline


def curve(start: Points, middle: Points, end: Points, points: int = 9) -> np.ndarray:
    """Points [n, 2] of a parabola through three points."""
    return _parabola(points) @ np.array([start, middle, end], float)


def lowered(points: np.ndarray, by: float | np.ndarray) -> np.ndarray:
    """Points [n, 2] moved down."""
    moved = points.copy()
    moved[:, 1] += by
    return moved
