"""A folder of somebody's pictures, with all that such folders hold: each case must end in one line that names it."""

import os
import socket
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


CASES = [
    (pipe, "1.png is a pipe, no file"),
    (bound_socket, "1.png can't be read"),
    (device, "1.png is a device, no file"),
    (dangling, "1.png is a link that leads to no file"),
    (loop, "1.png is a link that leads to no file"),
    (empty, "1.png is no readable image"),
    (text, "1.png is no readable image"),
    (truncated, "1.png is no readable image"),
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
    picture = np.zeros((48, 48), np.float32)
    picture.flat[:2] = 1.0, 0.5
    Image.fromarray(picture).save(VICTIM, format="TIFF")
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
    assert "few has too few faces of angry (1)" in stage("download").output
    change({"data": {"dataset": "~nobody-is-called-so/faces"}})
    assert "there is no such user" in stage("download").output
