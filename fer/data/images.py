"""Decodes image files; a file that can't be decoded is a FerError that names it."""

import io
import threading
import warnings
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from fer.errors import FerError

SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".avif", ".heic", ".heif")

MAX_MEGAPIXELS: Final = 100
MAX_SIDE: Final = 32_767
"""In pixels: OpenCV's warping and resizing accept no longer side."""

# Naming the formats keeps Pillow from trying its other forty decoders on a hostile file.
_FORMATS: tuple[str, ...] = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "AVIF")
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")

# Pillow warns of odd metadata and of large pictures, which does not help a user. The filter holds for the whole
# process: `warnings.catch_warnings` is not safe where several threads decode.
warnings.filterwarnings("ignore", module=r"PIL\.")
_limit_of_pillow = threading.Lock()


def decode(data: bytes, name: str, megapixels: float = MAX_MEGAPIXELS, *, grey: bool = False) -> Image.Image:
    """Decode one image file completely, upright by its EXIF orientation; of an animation, its first picture.

    Args:
        data: the file's content.
        name: for the message.
        megapixels: a larger picture is refused before it is decoded.
        grey: whether colours may be left out, where the format stores them apart (JPEG): twice as fast.

    Raises:
        FerError: it is damaged, no image, too large, or in a format for which no decoder is installed.
    """
    image = _open(data, name)
    for limit, too_large in (
        (f"{megapixels:g} megapixels", image.width * image.height > megapixels * 1e6),
        (f"{MAX_SIDE:,} a side", max(image.size) > MAX_SIDE),
    ):
        if too_large:
            size = f"{image.width:,} x {image.height:,} pixels"
            raise FerError(f"{name} has {size}; at most {limit} are read. Reduce it and run again.")
    try:
        if grey:
            image.draft("L", None)
        image.load()
    except Exception as error:  # Pillow's decoders raise exceptions of any kind
        raise _unreadable(name) from error
    try:
        return ImageOps.exif_transpose(image)
    except Exception as error:
        raise FerError(f"{name} has damaged EXIF metadata. Save it anew or remove it, and run again.") from error


def _open(data: bytes, name: str) -> Image.Image:
    """Read an image's header."""
    formats = _FORMATS
    if data[4:8] == b"ftyp" and data[8:12] in HEIF_BRANDS:
        formats = ("HEIF",)
        _register_heif(name)
    try:
        with _limit_of_pillow:  # the limit on pixels is ours, and may be larger than Pillow's
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                return Image.open(io.BytesIO(data), formats=formats)
            finally:
                Image.MAX_IMAGE_PIXELS = limit
    except Exception as error:
        raise _unreadable(name) from error


def _unreadable(name: str) -> FerError:
    return FerError(f"{name} is no readable image. Replace or remove it and run again.")


def _register_heif(name: str) -> None:
    try:
        import pillow_heif
    except ImportError as error:
        raise FerError(
            f"{name} is a HEIC picture, a format that is not supported here. Save it as JPEG or PNG, or run "
            "`pip install 'fer[heif]'`."
        ) from error
    pillow_heif.register_heif_opener()


def grey(image: Image.Image) -> np.ndarray:
    """Luma (ITU-R 601) of an image at its own size, uint8 [height, width].

    16 bits are scaled, and so are fractions of 1 (a TIFF of floats).

    Raises:
        ValueError: floats outside 0 .. 1, or 32-bit integers, whose white level is not known.
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
    """Any upright picture as a face: grey, its central square; uint8 [size, size].

    A larger square is reduced by area, a smaller one enlarged by cubic interpolation.

    Raises:
        FerError: its range of grey levels is not known.
    """
    picture = Image.fromarray(grey_of(image, name))
    shrinking = min(picture.size) >= size
    filter_ = Image.Resampling.BOX if shrinking else Image.Resampling.BICUBIC
    return np.asarray(ImageOps.fit(picture, (size, size), filter_))


def thumbnail(pixels: np.ndarray, size: int) -> np.ndarray:
    """A grey face uint8 [S, S] at another size, as sheets of faces show it: uint8 [size, size]."""
    return face(Image.fromarray(pixels), size)
