"""A face cut from a photo as FER2013's faces are cut: upright, isotropic, padded, and as small."""

import math
from dataclasses import dataclass, replace

import numpy as np

from fer.sizes import FACE

# The side of the square that is cut, in sides of the detector's box (the root of its area). FER2013's own is 1.175 at
# the median over train; the models read a fifth less better (docs/photos.md).
SIDE = 0.94
# The brightest hundredth of a face's pixels, in grey levels: 1 % of FER2013's val faces have less than 126, half
# of them less than 206.
DARK, BRIGHT = 110, 200
# The noise that is left once a face is reduced, as a standard deviation in grey levels, from which on it is smoothed;
# and the largest side in pixels at which that is done, which bounds the time.
NOISY, SMOOTHED = 3.0, 160
# Eyes nearer to each other than this share of the box belong to a face in profile, and say little of its tilt.
PROFILE = 0.15


@dataclass(frozen=True, eq=False)
class Found:
    """A face in a photo.

    Attributes:
        box: left, top, width, height in pixels.
        score: of the detector, 0 .. 1.
        points: float [5, 2] in pixels (x, y): the eye on the left of the picture, that on the right, the tip of the
            nose, the corners of the mouth on the left and on the right; None if not known.
    """

    box: tuple[float, float, float, float]
    score: float
    points: np.ndarray | None = None

    @property
    def size(self) -> float:
        """The shorter side of the box, in pixels."""
        return min(self.box[2:])

    @property
    def centre(self) -> np.ndarray:
        """The middle of the box, float [2]."""
        left, top, width, height = self.box
        return np.array([left + width / 2, top + height / 2])

    @property
    def eyes_apart(self) -> float:
        """The distance of the eyes as a share of the box's width; 0 without points."""
        if self.points is None:
            return 0.0
        return float(np.linalg.norm(self.points[1] - self.points[0]) / max(self.box[2], 1e-6))

    @property
    def roll(self) -> float:
        """How far the head is tilted, degrees clockwise as the picture is seen; 0 where that can't be told."""
        if self.points is None or self.eyes_apart < PROFILE:
            return 0.0
        right, down = self.points[1] - self.points[0]
        return math.degrees(math.atan2(down, right))

    @property
    def yaw(self) -> float | None:
        """How far the nose lies beside the middle of the eyes, in distances of the eyes; None if not known."""
        if self.points is None or self.eyes_apart < PROFILE:
            return None
        across = self.points[1] - self.points[0]
        offset = self.points[2] - self.points[:2].mean(axis=0)
        return float(offset @ across / (across @ across))


def frame(face: Found) -> tuple[np.ndarray, float, float]:
    """The square that is cut: its middle float [2], its side in pixels, and its turn in degrees (clockwise).

    By the box: FER2013's faces were cut by a detector's boxes, and these tell their frames better than eyes or mouth
    do (docs/photos.md). The eyes tell the turn.
    """
    return face.centre, SIDE * math.sqrt(face.box[2] * face.box[3]), face.roll


def cut(grey: np.ndarray, face: Found, size: int = FACE) -> np.ndarray:
    """Cut a face out of a photo.

    Reduced by a filter that leaves no detail below a pixel, so that a sharp face comes to look like what the models
    have learned from; beyond the photo's edge its last pixels go on.

    Args:
        grey: the photo, uint8 [H, W].
        face: where it is.
        size: side in pixels of the result.

    Returns:
        uint8 [size, size].
    """
    import cv2
    from PIL import Image

    grey, face = _smoothed(grey, face, size)
    middle, side, degrees = frame(face)
    # The warp itself averages nothing, so it makes at least as many pixels as there are; the filter reduces them.
    fine = max(size, math.ceil(side))
    turn, scale = math.radians(degrees), side / fine
    cosine, sine = math.cos(turn) * scale, math.sin(turn) * scale
    offset = middle - 0.5 - np.array([[cosine, -sine], [sine, cosine]]) @ np.array([fine / 2 - 0.5, fine / 2 - 0.5])
    matrix = np.array([[cosine, -sine, offset[0]], [sine, cosine, offset[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(grey, matrix, (fine, fine), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    if fine != size:
        warped = np.asarray(Image.fromarray(warped).resize((size, size), Image.Resampling.LANCZOS))
    return _lifted(warped)


def noise(grey: np.ndarray) -> float:
    """The standard deviation of a picture's noise, in grey levels.

    By the difference of two Laplacians (Immerkaer 1996, Fast Noise Variance Estimation), which is blind to slopes and
    edges; its median instead of its mean, which is blind to a face's finer detail as well.

    Args:
        grey: uint8 [H, W]; of large ones the middle is looked at.
    """
    import cv2

    down, across = (slice(max(0, n // 2 - 128), n // 2 + 128) for n in grey.shape)
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.int16)
    response = cv2.filter2D(np.ascontiguousarray(grey[down, across]), cv2.CV_16S, mask)[1:-1, 1:-1]
    return float(np.median(np.abs(response))) / 0.6745 / 6 if response.size else 0.0


def _smoothed(grey: np.ndarray, face: Found, size: int) -> tuple[np.ndarray, Found]:
    """A face's surroundings without their noise, and the face in them; both as they are where little noise is left.

    By non-local means (Buades et al. 2005, A Non-Local Algorithm for Image Denoising), before the face is turned:
    a turned picture's noise is no longer independent from pixel to pixel.
    """
    import cv2

    (left, top, width, height), side = face.box, frame(face)[1]
    inside = grey[max(0, int(top)) : int(top + height), max(0, int(left)) : int(left + width)]
    step = max(1, len(inside) // 256)  # some of the pixels are enough to see how bright it is
    if inside.size == 0 or noise(inside) * _gain(inside[::step, ::step]) * min(1.0, size / side) < NOISY:
        return grey, face
    reach = side * 0.75  # half of the turned square's diagonal, and what non-local means looks at beyond it
    x, y = (max(0, int(value - reach)) for value in face.centre)
    right, bottom = (int(value + reach) + 1 for value in face.centre)
    part, scale = np.ascontiguousarray(grey[y:bottom, x:right]), min(1.0, SMOOTHED / side)
    if scale < 1:
        part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    part = cv2.fastNlMeansDenoising(part, None, h=noise(part), templateWindowSize=5, searchWindowSize=15)
    box = ((left - x) * scale, (top - y) * scale, width * scale, height * scale)
    points = None if face.points is None else (face.points - [x, y]) * scale
    return part, replace(face, box=box, points=points)


def _lifted(face: np.ndarray) -> np.ndarray:
    """A face as bright as the models know faces, if it is darker than nearly all of those."""
    gain = _gain(face)
    return face if gain == 1 else np.clip(np.round(face * gain), 0, 255).astype(np.uint8)


def _gain(face: np.ndarray) -> float:
    """By how much a face must be brightened; 1 if it needs nothing."""
    brightest = float(np.percentile(face, 99))
    return 1.0 if brightest >= DARK else BRIGHT / max(1.0, brightest)
