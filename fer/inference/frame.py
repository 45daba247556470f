"""A frame: one decoded picture, from a file, an array, standard input or a video."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fer.errors import FerError
from fer.inference.text import one_line

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, eq=False)
class Frame:
    """A decoded picture, upright.

    Attributes:
        name: the file, `-`, or `image 3` for what came from memory.
        rgb: uint8 [H, W, 3].
        time: in seconds since the start of a video; None for a photo.
        number: of the frame in a video, from 0; None for a photo.
    """

    name: str
    rgb: np.ndarray
    time: float | None = None
    number: int | None = None

    def __post_init__(self) -> None:
        if self.rgb.dtype != np.uint8 or self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or not self.rgb.size:
            raise ValueError(f"a frame needs uint8 [H, W, 3], not {self.rgb.dtype} {list(self.rgb.shape)}")

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.rgb.shape[0])

    def grey(self) -> np.ndarray:
        """Luma (ITU-R 601) for the detector and the crops, uint8 [H, W]: what `fer.data.images.grey` gives."""
        from PIL import Image

        return np.asarray(Image.fromarray(self.rgb).convert("L"))

    def image(self) -> "Image":
        """The frame as a PIL image in RGB."""
        from PIL import Image

        return Image.fromarray(self.rgb)


@dataclass(frozen=True)
class Problem:
    """A picture that could not be read.

    Attributes:
        name: the file, `-`, or `image 3`.
        reason: one line, which includes the name.
    """

    name: str
    reason: str


def attempt(name: str, load: Callable[[], Frame]) -> Frame | Problem:
    """Load one picture; return what goes wrong as a `Problem`, so that the other pictures are still read.

    Args:
        name: of the picture, for the message.
        load: reads and decodes it.
    """
    try:
        return load()
    except FerError as error:
        return Problem(name, error.message)
    except MemoryError:
        return Problem(name, f"{name} needs more memory than there is.")
    except Exception as error:  # decoders raise exceptions of any kind
        return Problem(name, f"{name} can't be read ({one_line(error)}).")


def from_image(name: str, image: "Image", megapixels: float, time: float | None = None) -> Frame:
    """A frame from a PIL image: turned upright by its EXIF orientation; 16 bits and floats are scaled to 8 bits.

    Args:
        name: of the picture.
        image: in any mode.
        megapixels: a larger image is refused before it is decoded.
        time: in seconds since the start of a video.

    Raises:
        FerError: it is too large or too long, or its range of grey levels is not known.
    """
    from PIL import Image, ImageOps

    from fer.data import images

    if not image.width * image.height:
        raise FerError(f"{name} has no pixels ({image.width} x {image.height}).")
    if image.width * image.height > megapixels * 1e6:
        raise FerError(
            f"{name} has {image.width:,} x {image.height:,} pixels; at most {megapixels:g} megapixels are read."
        )
    if max(image.size) > images.MAX_SIDE:
        raise FerError(f"{name} has a side of {max(image.size):,} pixels; at most {images.MAX_SIDE:,} are read.")
    upright = ImageOps.exif_transpose(image)
    if upright.mode in ("I", "F") or upright.mode.startswith("I;16"):  # Pillow would clip these instead of scaling
        upright = Image.fromarray(images.grey_of(upright, name))
    return Frame(name, np.asarray(upright.convert("RGB")), time)


def from_array(name: str, array: np.ndarray, megapixels: float, time: float | None = None) -> Frame:
    """A frame from an array: grey [H, W], RGB [H, W, 3] or RGBA [H, W, 4], of a type that PIL takes, say uint8.

    Raises:
        FerError: it is no picture, or too large.
    """
    from PIL import Image

    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if not array.size:
        raise FerError(f"{name} has no pixels ({' x '.join(map(str, array.shape))}).")
    try:
        if array.ndim < 2:  # Pillow would read it as a column
            raise ValueError("one row of numbers")
        image = Image.fromarray(array)
    except (TypeError, ValueError, KeyError) as error:
        shape = list(array.shape)
        raise FerError(f"{name} is no picture: {array.dtype} {shape} instead of uint8 [H, W] or [H, W, 3].") from error
    return from_image(name, image, megapixels, time)
