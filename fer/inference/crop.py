"""A face cut from a photo as FER2013's faces are cut: upright, isotropic, padded, and as small."""

import math
from dataclasses import dataclass

import numpy as np

from fer.sizes import FACE

# Where FER2013's faces have their eyes, in sides of the picture: medians over the data set, from MediaPipe's points.
EYES_X, EYES_Y, EYES_APART = 0.5, 0.39, 0.36
# Eyes nearer to each other than this share of the box belong to a face in profile, and say little of its tilt.
PROFILE = 0.15


@dataclass(frozen=True)
class Found:
    """A face in a photo.

    Attributes:
        box: left, top, width, height in pixels.
        score: of the detector, 0 .. 1.
        eyes: centres of the eye on the left of the picture and of that on the right, float [2, 2] in pixels (x, y);
            None where the detector gives none.
        nose: its tip, or None.
    """

    box: tuple[float, float, float, float]
    score: float
    eyes: np.ndarray | None = None
    nose: np.ndarray | None = None

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
        """The distance of the eyes as a share of the box's width; 0 without eyes."""
        if self.eyes is None:
            return 0.0
        return float(np.linalg.norm(self.eyes[1] - self.eyes[0]) / max(self.box[2], 1e-6))

    @property
    def roll(self) -> float:
        """How far the head is tilted, degrees clockwise as the picture is seen; 0 where that can't be told."""
        if self.eyes is None or self.eyes_apart < PROFILE:
            return 0.0
        right, down = self.eyes[1] - self.eyes[0]
        return math.degrees(math.atan2(down, right))

    @property
    def yaw(self) -> float | None:
        """How far the nose lies beside the middle of the eyes, in distances of the eyes; None if not known."""
        if self.eyes is None or self.nose is None or self.eyes_apart < PROFILE:
            return None
        across = self.eyes[1] - self.eyes[0]
        offset = self.nose - self.eyes.mean(axis=0)
        return float(offset @ across / (across @ across))


def frame(face: Found) -> tuple[np.ndarray, float, float]:
    """The square that is cut: its middle float [2], its side in pixels, and its turn in degrees (clockwise).

    By the eyes, where they tell; else by the box, whose width is that of a face from cheek to cheek.
    """
    if face.eyes is not None and face.eyes_apart >= PROFILE:
        # A turned head brings the eyes nearer to each other, but does not make the face smaller.
        side = max(float(np.linalg.norm(face.eyes[1] - face.eyes[0])) / EYES_APART, *face.box[2:])
        turn = math.radians(face.roll)
        down = np.array([-math.sin(turn), math.cos(turn)])
        return face.eyes.mean(axis=0) + down * (0.5 - EYES_Y) * side, side, face.roll
    return face.centre, max(face.box[2:]) * 1.1, 0.0


def cut(grey: np.ndarray, face: Found, size: int = FACE) -> np.ndarray:
    """Cut a face out of a photo.

    Reduced by area, so that a sharp face comes to look like what the models have learned from; beyond the photo's
    edge its last pixels go on.

    Args:
        grey: the photo, uint8 [H, W].
        face: where it is.
        size: side in pixels of the result.

    Returns:
        uint8 [size, size].
    """
    import cv2

    middle, side, degrees = frame(face)
    # Whole multiples of the size, so that the reduction by area is exact; the warp itself never skips pixels.
    factor = max(1, round(side / size))
    fine = size * factor
    turn, scale = math.radians(degrees), side / fine
    cosine, sine = math.cos(turn) * scale, math.sin(turn) * scale
    offset = middle - np.array([[cosine, -sine], [sine, cosine]]) @ np.array([fine / 2 - 0.5, fine / 2 - 0.5])
    matrix = np.array([[cosine, -sine, offset[0]], [sine, cosine, offset[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(grey, matrix, (fine, fine), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return warped if factor == 1 else cv2.resize(warped, (size, size), interpolation=cv2.INTER_AREA)
