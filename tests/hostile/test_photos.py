"""What people's folders hold beside good photos: each is one line or an answer, and nothing else is lost."""

import functools
import io
import json
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.inference.conftest import PHOTO, fer, home, photo  # noqa: F401  fixtures


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_that_says(width: int, height: int) -> bytes:
    """A PNG whose head promises a size that the file does not hold."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


def jpeg_with_broken_exif(image: Image.Image) -> bytes:
    """A JPEG to be turned upright, in whose EXIF block one type is wrong: Pillow raises a `struct.error`."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x011A], exif[0x0128] = 6, "text" * 3, 72.0, 2
    content = bytearray(encoded(image, "JPEG", exif=exif))
    kind = content.index(b"Exif\0\0") + 6 + 35
    content[kind] = 7
    return bytes(content)


@functools.cache
def cases() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Files that can't be read, and odd ones that can."""
    face = Image.open(PHOTO)
    jpeg, png = PHOTO.read_bytes(), encoded(face.convert("L"), "PNG")
    small = face.resize((64, 64))
    bad = {f"cut_{tenth}.jpg": jpeg[: len(jpeg) * tenth // 10] for tenth in range(10)}
    bad |= {f"cut_{tenth}.png": png[: len(png) * tenth // 10] for tenth in range(10)}
    bad |= {f"cut.{kind.lower()}": encoded(small, kind)[:-400] for kind in ("BMP", "WEBP", "TIFF")}
    bad |= {
        "zeros.jpg": bytes(5000),
        "text.png": b"a letter to a friend\n" * 50,
        "svg.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "huge.png": png_that_says(60_000, 60_000),
        "larger.png": png_that_says(2**31 - 1, 2**31 - 1),
        "empty.png": png_that_says(0, 0),
        "short.png": png_that_says(500, 500),
        "wide.png": encoded(Image.new("1", (2_000_000, 1)), "PNG"),
        "tall.png": encoded(Image.new("1", (1, 2_000_000)), "PNG"),
        "rows.png": encoded(Image.new("1", (3, 100_000)), "PNG"),
        "exif.jpg": jpeg_with_broken_exif(small),
        "photo.heic": b"\0\0\0\x18ftypheic" + bytes(60),
        "photo.avif": b"\0\0\0\x18ftypavif" + bytes(60),
        "bomb.png": encoded(Image.new("L", (10_001, 10_000)), "PNG"),
        "nan.tiff": encoded(Image.fromarray(np.full((60, 60), np.nan, np.float32)), "TIFF"),
        "infinite.tiff": encoded(Image.fromarray(np.full((60, 60), np.inf, np.float32)), "TIFF"),
        "integers.tiff": encoded(Image.fromarray(np.full((60, 60), 70_000, np.int32)), "TIFF"),
        "pdf.jpg": b"%PDF-1.7\n%%EOF",
        "zip.webp": b"PK\x03\x04" + bytes(60),
    }
    frames = [small.convert("P"), Image.new("P", (64, 64))]
    odd = {
        "animated.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "animated.webp": encoded(small, "WEBP", save_all=True, append_images=[small.rotate(90)]),
        "cmyk.jpg": encoded(small.convert("CMYK"), "JPEG"),
        "palette.png": encoded(small.convert("P"), "PNG"),
        "alpha.png": encoded(small.convert("RGBA"), "PNG"),
        "grey_alpha.png": encoded(small.convert("LA"), "PNG"),
        "one_bit.png": encoded(small.convert("1"), "PNG"),
        "sixteen.png": encoded(Image.fromarray(np.asarray(small.convert("L")).astype(np.uint16) << 8), "PNG"),
        "dot.png": encoded(Image.new("L", (1, 1)), "PNG"),
        "line.png": encoded(Image.new("L", (1, 20_000)), "PNG"),
        "flat.png": encoded(Image.new("L", (20_000, 1)), "PNG"),
        "png_called.jpg": png,
        "jpeg_called.PNG": jpeg,
        "new\nline.jpg": jpeg,
        "smile \U0001f600 [1] *?.jpg": jpeg,
        "-dash.jpg": jpeg,
    }
    return bad, odd


@pytest.fixture
def hostile(photo):  # noqa: F811
    bad, odd = map(dict, cases())
    folder = Path("photos")
    folder.mkdir()
    for name, content in (bad | odd).items():
        (folder / name).write_bytes(content)
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "gone.png").symlink_to("nowhere.png")
    os.mkfifo(folder / "pipe.png")
    bad |= dict.fromkeys(("loop.png", "gone.png", "pipe.png"), b"")
    if os.geteuid():
        (folder / "locked.png").write_bytes(odd["dot.png"])
        (folder / "locked.png").chmod(0)
        bad["locked.png"] = b""
    (folder / "again").symlink_to(".")
    assert len(bad) + len(odd) >= 50
    return bad, odd


@pytest.mark.slow
@pytest.mark.parametrize("detect", [(), ("--no-detect",)])
def test_each_bad_file_is_one_line_and_each_good_one_has_its_answer(hostile, detect):
    bad, odd = hostile
    done = fer("predict", "photos", "photo.jpg", "--format", "jsonl", "--output", "out", *detect)
    assert done.exit_code == 1
    assert done.exception is None or isinstance(done.exception, SystemExit)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert {each["file"] for each in answers} == {"photo.jpg", *(f"photos/{name}" for name in odd)}
    lines = done.stderr.splitlines()
    for name in bad:
        assert sum(line.startswith((f"photos/{name} ", f"photos/{name}:")) for line in lines) == 1, name
    assert len(lines) == len(bad) + 2  # what was saved, and who answered
    full = ["photo.jpg", "photos/new\nline.jpg", "photos/jpeg_called.PNG", "photos/png_called.jpg"]
    assert {len(each["faces"]) for each in answers if each["file"] in full} == {1}


@pytest.mark.slow
def test_each_of_them_alone_and_in_a_table(hostile):
    _, odd = hostile
    for name in ("cut_5.jpg", "bomb.png", "loop.png", "pipe.png"):
        done = fer("predict", f"photos/{name}")
        assert done.exit_code == 1
        assert done.stdout == ""
    table = fer("predict", *(f"photos/{name}" for name in odd)).stdout
    assert "photos/new\\nline.jpg\n" in table
    assert "\U0001f600" in table


@pytest.mark.slow
def test_a_larger_photo_is_read_when_asked_for(hostile):
    done = fer("predict", "photos/bomb.png", "--max-megapixels", "101")
    assert done.exit_code == 0
    assert "no face" in done.stdout


@pytest.mark.slow
def test_a_name_that_is_no_utf_8(photo):  # noqa: F811
    name = os.fsdecode(b"caf\xe9.jpg")
    try:
        Path(name).write_bytes(photo.read_bytes())
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    for form, place in (("table", name), ("json", "."), ("jsonl", name), ("csv", ".")):  # alone, and in its folder
        done = fer("predict", place, "--format", form, "--output", "out")
        assert done.exit_code == 0, done.output
        assert "photo.jpg" in done.stdout or place == name
        assert "caf\\xe9.jpg" in done.stdout or "caf\\\\xe9.jpg" in done.stdout
    assert sorted(path.name for path in Path("out/annotated").iterdir()) == sorted([name, "photo.jpg"])
