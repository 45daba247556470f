"""A folder of somebody's pictures, with all that such folders hold: each case must end in one line that names it."""

import os
import socket
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.hostile.conftest import may_not_read

VICTIM = Path("own/val/sad/1.png")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def bound_socket(path: Path) -> None:
    socket.socket(socket.AF_UNIX).bind(str(path))


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def dangling(path: Path) -> None:
    path.symlink_to("nowhere.png")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("GIF89a no picture")


def truncated(path: Path) -> None:
    Image.effect_noise((200, 200), 50).save(path)
    path.write_bytes(path.read_bytes()[:9_000])


def huge_header(path: Path) -> None:
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"0")),
        (b"IEND", b""),
    )
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def too_large(path: Path) -> None:
    Image.new("1", (10_001, 10_000)).save(path)


def floats(*values: float):
    def make(path: Path) -> None:
        picture = np.zeros((48, 48), np.float32)
        picture.flat[: len(values)] = values
        Image.fromarray(picture).save(path, format="TIFF")

    return make


def integers(path: Path) -> None:
    Image.fromarray(np.full((48, 48), 70_000, np.int32)).save(path, format="TIFF")


def damaged_exif(path: Path) -> None:
    exif = Image.Exif()
    for tag, content in ((0x0112, 6), (0x010F, "maker"), (0x011A, 72.0), (0x0213, 1), (0x0100, 40)):
        exif[tag] = content
    Image.new("L", (48, 48)).save(path, "JPEG", exif=exif)
    data = bytearray(path.read_bytes())
    data[data.index(b"Exif\0\0") + 29] = 61  # text under a tag that is a number
    path.write_bytes(data)


def heic(path: Path) -> None:
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))


CASES = [
    (pipe, "1.png is a pipe, no file"),
    (bound_socket, "1.png can't be read"),
    (device, "1.png is a device, no file"),
    (dangling, "1.png is a link that leads to no file"),
    (loop, "1.png is a link that leads to no file"),
    (empty, "1.png is no readable image"),
    (text, "1.png is no readable image"),
    (truncated, "1.png is no readable image"),
    (huge_header, "1.png has 30,000 x 30,000 pixels; at most 100 megapixels"),
    (too_large, "1.png has 10,001 x 10,000 pixels; at most 100 megapixels"),
    (floats(255.0), "its floats are not all between 0 and 1"),
    (floats(float("nan")), "its floats are not all between 0 and 1"),
    (floats(-0.1), "its floats are not all between 0 and 1"),
    (integers, "it has 32-bit grey levels"),
    (damaged_exif, "1.png has damaged EXIF metadata"),
    (heic, "1.png is"),
]


@pytest.mark.parametrize(("make", "said"), CASES, ids=[said[:40] for _, said in CASES])
def test_a_picture_that_is_none(make, said, own, stage):
    VICTIM.unlink()
    make(VICTIM)
    result = stage("download")
    assert result.exit_code == 1
    assert said in result.output
    assert not list(Path("data").rglob("*.*"))


def test_fractions_of_one_are_scaled(own, stage):
    floats(1.0, 0.5)(VICTIM)
    assert stage("download").exit_code == 0
    row = [line.split(",")[0] for line in Path("data/faces/faces.csv").read_text().splitlines()].index("val/sad/1.png")
    assert np.load("data/faces/images.npy")[row - 1].flat[:3].tolist() == [255, 128, 0]


@pytest.mark.parametrize("path", ["own/val", "own/val/sad", "own/val/sad/1.png"])
def test_what_may_not_be_read_is_named(path, own, stage, monkeypatch):
    may_not_read(monkeypatch, Path(path))
    result = stage("download")
    assert result.exit_code == 1
    assert path in result.output
    assert "permissions" in result.output


def test_a_name_that_is_no_utf8(own, stage):
    stage("download")
    before = Path("data/faces/images.npy").read_bytes()
    os.rename(os.fsencode(VICTIM), b"own/val/sad/\xff.png")
    result = stage("download")
    assert result.exit_code == 1
    assert r"val/sad/\xff.png. Rename it" in result.output
    assert Path("data/faces/images.npy").read_bytes() == before


def test_other_files_are_counted_and_gifs_are_pictures(own, stage):
    Image.open(VICTIM).save(VICTIM.with_suffix(".gif"))
    Path("own/notes.txt").write_text("")
    Path("own/val/sad/film.mp4").write_text("")
    result = stage("download")
    assert "Passed over in own: 2 files that are no images (.mp4 1, .txt 1)" in result.output
    assert "64 faces of own" in result.output


def test_a_face_of_each_emotion_is_too_few_at_once(change, stage):
    from fer.emotions import EMOTIONS

    for emotion in EMOTIONS:
        Path("few", emotion).mkdir(parents=True)
        Image.new("L", (48, 48)).save(Path("few", emotion, "0.png"))
    change({"data": {"dataset": "few"}})
    assert "few has 1 faces of angry; at least 3 are needed" in stage("download").output
    change({"data": {"dataset": "~nobody-is-called-so/faces"}})
    assert "there is no such user" in stage("download").output
