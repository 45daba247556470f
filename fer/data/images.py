"""One image file, and the name of its emotion: what the folder editions have in common."""

import io
import re

import numpy as np
from PIL import Image, ImageOps

from fer.emotions import EMOTIONS
from fer.errors import FerError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
# Naming the formats keeps Pillow from trying its other forty decoders on a hostile file.
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")

_SYNONYMS = {
    "angry": ("anger", "ang", "an"),
    "disgust": ("disgusted", "dis", "di"),
    "fear": ("fearful", "afraid", "scared", "fea", "fe"),
    "happy": ("happiness", "joy", "joyful", "hap", "ha"),
    "neutral": ("neutrality", "calm", "neu", "ne"),
    "sad": ("sadness", "unhappy", "sa"),
    "surprise": ("surprised", "sur", "su"),
}
_BY_WORD = {word: emotion for emotion in EMOTIONS for word in (emotion, *_SYNONYMS[emotion])}


def emotion_named(text: str) -> str | None:
    """The emotion that a folder name means (`Anger`, `3_happiness`, ` SAD `), or None."""
    return _BY_WORD.get(re.sub(r"[\W\d_]+", "", text.lower()))


def decode(data: bytes, name: str) -> Image.Image:
    """Decode one image file completely.

    Raises:
        FerError: it is damaged, no image, or absurdly large.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
        image.load()
    except Exception as error:  # Pillow's decoders raise whatever they stumble over
        raise FerError(f"{name} is no readable image. Replace or remove it and run again.") from error
    return image


def grey(image: Image.Image) -> np.ndarray:
    """Luma (ITU-R 601) of an image at its own size, uint8 [height, width]."""
    if image.mode.startswith("I;16"):  # Pillow would clip 16 bits to 255 instead of scaling them
        return (np.asarray(image) >> 8).astype(np.uint8)
    return np.asarray(image if image.mode == "L" else image.convert("RGB").convert("L"))


def face(image: Image.Image, size: int) -> np.ndarray:
    """Any picture as a face: upright, grey, its central square; uint8 [size, size].

    A larger square is reduced by area, a smaller one enlarged by cubic interpolation.
    """
    picture = Image.fromarray(grey(ImageOps.exif_transpose(image)))
    shrinking = min(picture.size) >= size
    filter_ = Image.Resampling.BOX if shrinking else Image.Resampling.BICUBIC
    return np.asarray(ImageOps.fit(picture, (size, size), filter_))
