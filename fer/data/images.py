"""One image file, and the name of its emotion: what the folder editions have in common."""

import io
import re
import warnings

import numpy as np
from PIL import Image, ImageOps

from fer.emotions import EMOTIONS
from fer.errors import FerError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif")
# Naming the formats keeps Pillow from trying its other forty decoders on a hostile file.
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF")
MAX_MEGAPIXELS = 100

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


def decode(data: bytes, name: str, megapixels: float = MAX_MEGAPIXELS, *, grey: bool = False) -> Image.Image:
    """Decode one image file completely; of an animation, its first picture.

    Args:
        data: the file's content.
        name: for the message.
        megapixels: a larger picture is refused before it is decoded.
        grey: whether colours may be left out, where the format stores them apart (JPEG): twice as fast.

    Raises:
        FerError: it is damaged, no image, or too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, and of a size for which the limit below is ours
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
            if image.width * image.height <= megapixels * 1e6:
                if grey:
                    image.draft("L", None)
                image.load()
                return image
        size = f"{image.width:,} x {image.height:,}"
    except Image.DecompressionBombError:
        size = "far too many"
    except Exception as error:  # Pillow's decoders raise whatever they stumble over
        raise FerError(f"{name} is no readable image. Replace or remove it and run again.") from error
    raise FerError(f"{name} has {size} pixels; at most {megapixels:g} megapixels are read. Reduce it and run again.")


def grey(image: Image.Image) -> np.ndarray:
    """Luma (ITU-R 601) of an image at its own size, uint8 [height, width].

    16 bits are scaled, and so are fractions of 1 (a TIFF of floats).

    Raises:
        ValueError: floats outside 0 .. 1, or 32-bit integers: nobody knows which of them is white.
    """
    if image.mode.startswith("I;16"):  # Pillow would clip 16 bits to 255 instead of scaling them
        return (np.asarray(image) >> 8).astype(np.uint8)
    if image.mode == "F":
        values = np.asarray(image)
        if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
            raise ValueError("its floats are not all between 0 and 1")
        return np.round(values * 255).astype(np.uint8)
    if image.mode == "I":
        raise ValueError("it has 32-bit grey levels")
    return np.asarray(image if image.mode == "L" else image.convert("RGB").convert("L"))


def grey_of(image: Image.Image, name: str) -> np.ndarray:
    """As `grey`, with the name of the file in the message.

    Raises:
        FerError: instead of ValueError.
    """
    try:
        return grey(image)
    except ValueError as error:
        raise FerError(f"{name} can't be taken as grey levels: {error}. Save it with 8 or 16 bits.") from error


def face(image: Image.Image, size: int, name: str = "The picture") -> np.ndarray:
    """Any picture as a face: upright, grey, its central square; uint8 [size, size].

    A larger square is reduced by area, a smaller one enlarged by cubic interpolation.

    Raises:
        FerError: its grey levels can't be told.
    """
    picture = Image.fromarray(grey_of(ImageOps.exif_transpose(image), name))
    shrinking = min(picture.size) >= size
    filter_ = Image.Resampling.BOX if shrinking else Image.Resampling.BICUBIC
    return np.asarray(ImageOps.fit(picture, (size, size), filter_))
