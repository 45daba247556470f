"""Draws what covers a mouth: masks, fingers, cups and scarves, for `benchmarks.covered`."""

import cv2
import numpy as np

SIDE = 192  # pixels of the pictures on which is drawn
_JAW = (234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454)
_NOSE, _CHEEKS, _EARS = (6, 197, 195, 5), ((329, 330), (100, 101)), (356, 127)
_EYES, _LIPS, _SKIN = (33, 263), (13, 14), (50, 280, 4, 151)
_BESIDE = (10, 67, 297, 152, 234, 454, 33, 263, 168)  # landmarks at which things cover no mouth


def mask(picture: np.ndarray, points: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """A mask from the nose to the chin, plain or patterned, mostly with pleats along its edges.

    Args:
        picture: a face, float32 [192, 192].
        points: its landmarks in pixels, float [478, 2].
        draw: decides what the mask looks like.

    Returns:
        The face with the mask, float32 [192, 192].
    """
    start = int(draw.integers(0, 4))  # how far the mask goes up on the cheeks
    jaw = points[list(_JAW[start : len(_JAW) - start])]
    jaw = jaw.mean(axis=0) + (jaw - jaw.mean(axis=0)) * draw.uniform(1.0, 1.12)
    nose = points[draw.choice(_NOSE)]
    right, left = (points[draw.choice(pair)] for pair in _CHEEKS)
    outline = np.array([*jaw, (jaw[-1] + right) / 2, nose, (jaw[0] + left) / 2])
    across, down = np.linspace(-1, 1, SIDE)[None], np.linspace(-1, 1, SIDE)[:, None]
    tone = draw.choice([draw.uniform(20, 70), draw.uniform(90, 160), draw.uniform(150, 250)], p=[0.25, 0.35, 0.4])
    cloth = tone + draw.normal(0, 18) * down + draw.normal(0, 22) * across + draw.normal(0, 20) * across**2
    cloth = cloth + _clouds(draw, draw.uniform(8, 60)) * draw.uniform(0, 12) + _clouds(draw, 2) * draw.uniform(0, 8)
    if draw.random() < 0.7:
        brow = np.array([jaw[0], (jaw[0] + left) / 2, nose, (jaw[-1] + right) / 2, jaw[-1]])
        for share in np.linspace(0.25, 0.8, int(draw.integers(1, 5))) + draw.normal(0, 0.04):
            fold = np.round(_resampled(brow) * (1 - share) + _resampled(jaw) * share).astype(np.int32)
            line = np.zeros((SIDE, SIDE), np.float32)
            cv2.polylines(line, [fold], False, 1.0, int(draw.integers(1, 6)))
            cloth = cloth + draw.normal(-12, 22) * cv2.GaussianBlur(line, (0, 0), draw.uniform(0.5, 2))
    if draw.random() < 0.15:
        cloth += np.sign(_clouds(draw, draw.uniform(8, 20))) * draw.uniform(10, 60)
    shape = _filled(outline)
    if draw.random() < 0.5:
        for end, ear in ((jaw[-1], _EARS[0]), (jaw[0], _EARS[1])):
            cv2.line(shape, _whole(end), _whole(points[ear]), 1.0, 2)
    shade = 1 - draw.uniform(0, 0.7) * (1 - cv2.GaussianBlur(shape, (0, 0), 3))
    return _laid(picture, cloth * shade, cv2.GaussianBlur(shape, (0, 0), draw.uniform(0.6, 2)))


def hand(picture: np.ndarray, points: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Two to five fingers of the skin's own tone, and perhaps the back of the hand; arguments as of `mask`."""
    eyes = _eye_distance(points)
    places = np.clip(np.round(points[list(_SKIN)]).astype(int), 0, SIDE - 1)
    skin = float(np.median(picture[places[:, 1], places[:, 0]])) * draw.uniform(0.75, 1.25)
    turn = draw.uniform(0, 2 * np.pi)
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    width, count = eyes * draw.uniform(0.2, 0.34), int(draw.integers(2, 6))
    middle, spread = _mouth(points) + draw.normal(0, 0.08 * eyes, 2), draw.uniform(0.75, 1.0)
    for number in range(count):
        place = middle + across * width * spread * (number - (count - 1) / 2) + along * draw.normal(0, 0.08) * eyes
        size = (eyes * draw.uniform(0.55, 1.1), max(2.0, width / 2))
        finger = cv2.GaussianBlur(
            _ellipse(place, size, np.degrees(turn) + draw.normal(0, 8)), (0, 0), draw.uniform(0.8, 2)
        )
        core = cv2.GaussianBlur(finger, (0, 0), max(1.0, width / 5))
        tone = skin * (draw.uniform(0.55, 0.8) + draw.uniform(0.3, 0.45) * core)
        picture = _laid(picture, tone + _clouds(draw, 30) * 6 + _clouds(draw, 3) * 3, finger)
    if draw.random() < 0.5:
        place = middle - along * eyes * draw.uniform(0.7, 1.0)
        back = cv2.GaussianBlur(_ellipse(place, (eyes * 0.55, eyes * 0.5), np.degrees(turn)), (0, 0), 2)
        picture = _laid(picture, skin * draw.uniform(0.8, 1.05) + _clouds(draw, 40) * 8, back)
    return picture


def thing(picture: np.ndarray, points: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Something round or angular at the mouth, which may cover all below it; arguments as of `mask`."""
    eyes, place = _eye_distance(points), _mouth(points) + draw.normal(0, 4, 2)
    size, turn = eyes * draw.uniform((0.4, 0.28), (0.9, 0.6)), draw.uniform(0, 180)
    if draw.random() < 0.5:
        shape = _ellipse(place, size, turn)
    else:
        shape = _filled(cv2.boxPoints((place.tolist(), (2 * size).tolist(), turn)))
    if draw.random() < 0.2:
        shape[int(np.clip(place[1] - eyes / 4, 0, SIDE)) :] = 1
    surface = draw.uniform(20, 240) + _clouds(draw, draw.uniform(6, 80)) * draw.uniform(0, 35)
    return _laid(picture, surface + _clouds(draw, 2) * 3, cv2.GaussianBlur(shape, (0, 0), draw.uniform(0.6, 2)))


def elsewhere(picture: np.ndarray, points: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Something that covers another part of the face, not the mouth; arguments as of `mask`."""
    eyes = _eye_distance(points)
    size = eyes * draw.uniform((0.2, 0.12), (0.45, 0.3))
    shape = _ellipse(points[draw.choice(_BESIDE)], size, draw.uniform(0, 180))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    away = np.hypot(columns - _mouth(points)[0], rows - _mouth(points)[1]) / (0.45 * eyes)
    shape = cv2.GaussianBlur((shape * (1 - np.exp(-(away**2)))).astype(np.float32), (0, 0), 1.5)
    return _laid(picture, draw.uniform(15, 240) + _clouds(draw, 30) * 15, shape)


def _mouth(points: np.ndarray) -> np.ndarray:
    return points[list(_LIPS)].mean(axis=0)


def _eye_distance(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[_EYES[0]] - points[_EYES[1]]))


def _clouds(draw: np.random.Generator, size: float) -> np.ndarray:
    """Noise of deviation 1 whose spots have a size in pixels, float32 [192, 192]."""
    coarse = draw.normal(size=[max(2, int(SIDE / size))] * 2).astype(np.float32)
    return cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def _resampled(outline: np.ndarray) -> np.ndarray:
    """Twenty places along a line, float [20, 2]."""
    ends = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(outline, axis=0), axis=1))])
    return np.column_stack([np.interp(np.linspace(0, ends[-1], 20), ends, axis) for axis in outline.T])


def _filled(outline: np.ndarray) -> np.ndarray:
    shape = np.zeros((SIDE, SIDE), np.float32)
    cv2.fillPoly(shape, [np.round(outline).astype(np.int32)], 1.0)
    return shape


def _ellipse(place: np.ndarray, size: np.ndarray | tuple[float, float], degrees: float) -> np.ndarray:
    shape = np.zeros((SIDE, SIDE), np.float32)
    cv2.ellipse(shape, _whole(place), _whole(size), degrees, 0, 360, 1.0, -1)
    return shape


def _whole(place: np.ndarray | tuple[float, float]) -> tuple[int, int]:
    return int(place[0]), int(place[1])


def _laid(picture: np.ndarray, surface: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """A surface over a picture where a shape is 1."""
    return (picture * (1 - shape) + np.clip(surface, 0, 255) * shape).astype(np.float32)
