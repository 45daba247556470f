"""Cropping faces from a photo so that they look like FER2013's: upright, framed alike, and of the same size."""

import math
from dataclasses import dataclass, replace

import numpy as np

from fer.sizes import FACE

# Side of the square crop, relative to the detector's box (the square root of its area). FER2013's own crops have a
# median of 1.175, but the models recognise tighter ones better (docs/photos.md).
CROP_SCALE = 0.94
# A face whose 99th percentile of grey levels is below DARK is brightened until that percentile is BRIGHT. Of
# FER2013's val faces 1 % are below 126, half are below 206.
DARK, BRIGHT = 110, 200
# A face is denoised if more noise than this would be left in its crop: a standard deviation in grey levels.
MAX_NOISE = 3.0
# Larger faces are reduced to this side in pixels before they are denoised, which bounds the time.
MAX_DENOISED_SIDE = 160
# Below this distance between the eyes, relative to the box's width, a face is in profile, and its roll is unknown.
MIN_EYE_DISTANCE = 0.15
UPRIGHT = 45  # degrees of roll below which a face is upright

Box = tuple[float, float, float, float]  # left, top, width and height in pixels


@dataclass(frozen=True, eq=False)
class Detection:
    """A face that the detector has found in a photo.

    Attributes:
        box: left, top, width, height in pixels.
        score: of the detector, 0 .. 1.
        points: float [5, 2] in pixels (x, y), left and right as seen in the picture: left eye, right eye, tip of the
            nose, left and right corner of the mouth; None if they are not known.
    """

    box: Box
    score: float
    points: np.ndarray | None = None

    def moved(self, scale: np.ndarray, offset: tuple[float, float]) -> "Detection":
        """The same face in a picture of which this one shows a part, reduced or enlarged.

        Args:
            scale: size of this picture's pixel in the other's, horizontally and vertically.
            offset: where this picture begins in the other, x and y.
        """
        (across, down), (x, y) = map(float, scale), offset
        left, top, width, height = self.box
        box = (left * across + x, top * down + y, width * across, height * down)
        return replace(self, box=box, points=None if self.points is None else self.points * scale + offset)

    def turned_back(self, quarters: int, shape: tuple[int, ...]) -> "Detection":
        """The same face in a picture that was turned by `np.rot90` before the face was found.

        Args:
            quarters: of a turn, counter-clockwise.
            shape: height and width of the picture before the turn.
        """

        def back(places: np.ndarray) -> np.ndarray:
            x, y = places.T
            height, width = shape
            return np.column_stack([(x, y), (width - y, x), (width - x, height - y), (y, height - x)][quarters % 4])

        left, top, width, height = self.box
        corners = back(np.array([[left, top], [left + width, top + height]]))
        (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        points = None if self.points is None else back(self.points)
        return replace(self, box=(left, top, right - left, bottom - top), points=points)

    @property
    def size(self) -> float:
        """The shorter side of the box, in pixels."""
        return min(self.box[2:])

    @property
    def centre(self) -> np.ndarray:
        """The centre of the box, float [2]."""
        left, top, width, height = self.box
        return np.array([left + width / 2, top + height / 2])

    @property
    def eye_distance(self) -> float:
        """The distance between the eyes, relative to the box's width; 0 without points."""
        if self.points is None:
            return 0.0
        return float(np.linalg.norm(self.points[1] - self.points[0]) / max(self.box[2], 1e-6))

    @property
    def roll(self) -> float:
        """In-plane rotation of the head, in degrees clockwise; 0 if it is not known."""
        if self.points is None or self.eye_distance < MIN_EYE_DISTANCE:
            return 0.0
        right, down = self.points[1] - self.points[0]
        return math.degrees(math.atan2(down, right))

    @property
    def is_upright(self) -> bool:
        """Whether its eyes are known to lie side by side."""
        return self.eye_distance >= MIN_EYE_DISTANCE and abs(self.roll) < UPRIGHT


def crop_region(face: Detection) -> tuple[np.ndarray, float, float]:
    """The square to crop: its centre float [2], its side in pixels, and its rotation in degrees clockwise.

    Centre and side follow the box, since FER2013's faces were cropped by a detector's boxes, and a box predicts their
    framing better than eyes or mouth do (docs/photos.md). The rotation follows the eyes.
    """
    return face.centre, CROP_SCALE * math.sqrt(face.box[2] * face.box[3]), face.roll


def crop_face(grey: np.ndarray, face: Detection, size: int = FACE) -> np.ndarray:
    """Crop a face from a photo, upright.

    A large face is reduced by Lanczos' filter, so that it does not alias. Beyond the photo's edge, the crop repeats
    the pixels at the edge.

    Args:
        grey: the photo, uint8 [H, W].
        face: where it is.
        size: side in pixels of the result.

    Returns:
        uint8 [size, size].
    """
    import cv2
    from PIL import Image

    grey, face = _denoised(grey, face, size)
    centre, side, degrees = crop_region(face)
    # Warping does not average pixels, so it must not reduce the face; the filter does that afterwards.
    warped_size = max(size, math.ceil(side))
    angle, scale = math.radians(degrees), side / warped_size
    cosine, sine = math.cos(angle) * scale, math.sin(angle) * scale
    offset = centre - 0.5 - np.array([[cosine, -sine], [sine, cosine]]) @ np.full(2, warped_size / 2 - 0.5)
    matrix = np.array([[cosine, -sine, offset[0]], [sine, cosine, offset[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(grey, matrix, (warped_size, warped_size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    if warped_size != size:
        warped = np.asarray(Image.fromarray(warped).resize((size, size), Image.Resampling.LANCZOS))
    return _brightened(warped)


def noise(grey: np.ndarray) -> float:
    """Estimate the standard deviation of a picture's noise, in grey levels.

    Uses the difference of two Laplacians (Immerkaer 1996, Fast Noise Variance Estimation), which ignores slopes and
    edges, and its median instead of its mean, which ignores fine detail as well.

    Args:
        grey: uint8 [H, W]; of a large picture only the centre is used.
    """
    import cv2

    down, across = (slice(max(0, n // 2 - 128), n // 2 + 128) for n in grey.shape)
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.int16)
    response = cv2.filter2D(np.ascontiguousarray(grey[down, across]), cv2.CV_16S, mask)[1:-1, 1:-1]
    return float(np.median(np.abs(response))) / 0.6745 / 6 if response.size else 0.0


def _denoised(grey: np.ndarray, face: Detection, size: int) -> tuple[np.ndarray, Detection]:
    """The denoised surroundings of a face, and the face in them; both unchanged if the crop would have little noise.

    Uses non-local means (Buades et al. 2005, A Non-Local Algorithm for Image Denoising), before the face is rotated:
    afterwards the noise of neighbouring pixels is correlated.
    """
    import cv2

    (left, top, width, height), side = face.box, crop_region(face)[1]
    inside = grey[max(0, int(top)) : int(top + height), max(0, int(left)) : int(left + width)]
    step = max(1, len(inside) // 256)  # some of the pixels are enough to estimate the brightness
    if inside.size == 0 or noise(inside) * _gain(inside[::step, ::step]) * min(1.0, size / side) < MAX_NOISE:
        return grey, face
    margin = side * 0.75  # half of the rotated square's diagonal, and the pixels around it that non-local means reads
    x, y = (max(0, int(value - margin)) for value in face.centre)
    right, bottom = (int(value + margin) + 1 for value in face.centre)
    part, scale = np.ascontiguousarray(grey[y:bottom, x:right]), min(1.0, MAX_DENOISED_SIDE / side)
    if scale < 1:
        part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    part = cv2.fastNlMeansDenoising(part, None, h=noise(part), templateWindowSize=5, searchWindowSize=15)
    box = ((left - x) * scale, (top - y) * scale, width * scale, height * scale)
    points = None if face.points is None else (face.points - [x, y]) * scale
    return part, replace(face, box=box, points=points)


def _brightened(face: np.ndarray) -> np.ndarray:
    """A face that is darker than nearly all of FER2013's, as bright as these; other faces unchanged."""
    gain = _gain(face)
    return face if gain == 1 else np.clip(np.round(face * gain), 0, 255).astype(np.uint8)


def _gain(face: np.ndarray) -> float:
    """The factor by which a face must be brightened; 1 if it is bright enough."""
    brightest = float(np.percentile(face, 99))
    return 1.0 if brightest >= DARK else BRIGHT / max(1.0, brightest)
