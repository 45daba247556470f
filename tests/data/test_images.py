"""Image files: what is refused is refused at once, in one line, before a pixel is decoded."""

import io
import struct
import sys
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from fer.data import images
from fer.errors import FerError


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int) -> bytes:
    """A whole PNG of one bit a pixel."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    rows = zlib.compress(bytes((1 + (width + 7) // 8) * height), 1)
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(2_000_000, 1), (1, 2_000_000), (100, 100_000), (32_768, 1)])
def test_a_side_is_bounded(width: int, height: int) -> None:
    with pytest.raises(FerError, match=rf"^a has {width:,} x {height:,} pixels; at most 32,767 a side are read"):
        images.decode(png(width, height), "a", 1000)


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        (np.float32(255), "its floats are not all between 0 and 1"),
        (np.float32(-0.1), "its floats are not all between 0 and 1"),
        (np.float32("nan"), "its floats are not all between 0 and 1"),
        (np.int32(70_000), "it has 32-bit grey levels"),
    ],
)
def test_grey_levels_without_a_known_white(levels: np.generic, said: str) -> None:
    with pytest.raises(FerError, match=f"^a can't be taken as grey levels: {said}"):
        images.face(Image.fromarray(np.full((48, 48), levels)), 48, "a")


def test_a_limit_above_pillow_s_own(recwarn: pytest.WarningsRecorder) -> None:
    warnings.filterwarnings("ignore", module=r"PIL\.")  # pytest has put aside what the module asked for
    data = png(16_000, 12_000)  # 192 megapixels; Pillow refuses 179
    with pytest.raises(FerError, match="at most 100 megapixels"):
        images.decode(data, "a")
    assert images.decode(data, "a", 200).size == (16_000, 12_000)
    assert not recwarn.list
    assert Image.MAX_IMAGE_PIXELS is not None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("offset", "value"), [(29, 61), (53, 16), (55, 1), (67, 13)])
def test_damaged_exif_is_one_line(offset: int, value: int) -> None:
    exif = Image.Exif()
    for tag, content in ((0x0112, 6), (0x010F, "maker"), (0x011A, 72.0), (0x0213, 1), (0x0100, 40)):
        exif[tag] = content
    stream = io.BytesIO()
    Image.new("L", (40, 48)).save(stream, "JPEG", exif=exif)
    data = bytearray(stream.getvalue())
    assert images.decode(bytes(data), "a").size == (48, 40)  # upright
    data[data.index(b"Exif\0\0") + offset] = value  # a tag of another type than its value
    with pytest.raises(FerError, match=r"^a\.jpg has damaged EXIF metadata"):
        images.decode(bytes(data), "a.jpg")


def test_a_format_without_a_decoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(FerError, match="a is a HEIC picture, a format that is not supported here"):
        images.decode(b"\0\0\0\x18ftypheic" + bytes(40), "a")
