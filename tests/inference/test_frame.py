"""From a file or an array to a frame, whatever is wrong with it."""

import io
import struct
import sys

import numpy as np
import pytest
from PIL import Image

from fer.data import images
from fer.inference import sources
from fer.inference.frame import Frame, Problem, attempt, from_array, from_image

RNG = np.random.default_rng(0)
COLOURS = Image.fromarray(RNG.integers(0, 256, (20, 30, 3), np.uint8))
MODES = {mode: COLOURS.convert(mode) for mode in ("RGB", "L", "P", "1", "RGBA", "LA", "CMYK", "YCbCr")} | {
    "I;16": Image.fromarray(RNG.integers(0, 65536, (20, 30), np.uint16)),
    "F": Image.fromarray(RNG.random((20, 30)).astype(np.float32)),
}


@pytest.mark.parametrize("mode", MODES)
def test_a_frame_has_the_grey_levels_that_the_data_sets_have(mode):
    frame = from_image("a", MODES[mode], 100)
    assert (frame.grey() == images.grey(MODES[mode])).all()
    assert frame.rgb.shape == (20, 30, 3)
    assert (frame.width, frame.height, frame.time) == (30, 20, None)
    if mode == "RGB":
        assert (frame.rgb == np.asarray(COLOURS)).all()


def test_arrays_become_frames():
    rgb = np.asarray(COLOURS)
    grey = rgb[..., 0]
    assert (from_array("a", rgb, 100).rgb == rgb).all()
    alpha = np.concatenate([rgb, np.full((20, 30, 1), 9, np.uint8)], axis=2)
    assert (from_array("a", alpha, 100).rgb == rgb).all()
    for array in (grey, grey[..., None]):
        assert (from_array("a", array, 100).grey() == grey).all()


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((0, 0), np.uint8), "a has no pixels (0 x 0)."),
        (np.zeros((5, 0, 3), np.uint8), "a has no pixels (5 x 0 x 3)."),
        (np.zeros((9, 9), np.int64), "a is no picture: int64 [9, 9] instead of uint8 [H, W] or [H, W, 3]."),
        (np.zeros((9, 9, 2, 2), np.uint8), "a is no picture"),
        (np.zeros(9, np.uint8), "a is no picture"),
        (np.full((9, 9), np.nan, np.float32), "a can't be taken as grey levels"),
        (np.zeros((1, 40_000), np.uint8), "a has a side of 40,000 pixels; at most 32,767 are read."),
        (np.zeros((1100, 1000), np.uint8), "a has 1,000 x 1,100 pixels; at most 1 megapixels are read."),
    ],
)
def test_what_is_no_picture_is_one_line(array, reason):
    found = attempt("a", lambda: from_array("a", array, 1))
    assert isinstance(found, Problem)
    assert found.reason.startswith(reason)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("two\nlines"), struct.error("x")])
def test_whatever_goes_wrong_with_a_picture_is_its_own_problem(error):
    def fail():
        raise error

    found = attempt("a\x1b[31m.jpg", fail)
    assert isinstance(found, Problem)
    assert "\n" not in found.reason


def test_a_frame_is_checked():
    for array in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match="a frame needs uint8"):
            Frame("a", array)


def test_pictures_are_read_upright(tmp_path):
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:, :20] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera on its side
    Image.fromarray(picture).save(tmp_path / "a.jpg", exif=exif, quality=95)
    frame = sources.read(str(tmp_path / "a.jpg"))
    assert isinstance(frame, Frame)
    assert frame.grey().shape == (40, 20)
    assert frame.grey()[5, 10] == pytest.approx(76, abs=3)  # ITU-R 601's luma of red
    assert frame.grey()[35, 10] == pytest.approx(0, abs=3)
    assert frame.rgb[5, 10, 0] > 200
    (tmp_path / "b.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:300])
    problem = sources.read(str(tmp_path / "b.jpg"))
    assert isinstance(problem, Problem)
    assert "b.jpg is no readable image" in problem.reason


def encoded(kind: str) -> bytes:
    stream = io.BytesIO()
    COLOURS.save(stream, kind)
    return stream.getvalue()


def test_avif_is_read_and_heic_names_what_it_needs(tmp_path, monkeypatch):
    (tmp_path / "a.avif").write_bytes(encoded("AVIF"))
    frame = sources.read(str(tmp_path / "a.avif"))
    assert isinstance(frame, Frame)
    assert np.abs(frame.rgb.astype(float) - np.asarray(COLOURS)).mean() < 60
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(COLOURS).save(tmp_path / "a.heic")
    frame = sources.read(str(tmp_path / "a.heic"))
    assert isinstance(frame, Frame)
    assert frame.rgb.shape == (20, 30, 3)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF")
    problem = sources.read(str(tmp_path / "a.heic"))
    assert isinstance(problem, Problem)
    assert "a.heic is a HEIC picture" in problem.reason


def test_reading_ahead_keeps_the_order_and_holds_few_large_pictures():
    begun, size = [], 4000

    def load(number):
        begun.append(number)
        return Frame(str(number), np.zeros((size, size, 3), np.uint8))

    frames = sources.ahead(lambda number=number: load(number) for number in range(30))
    for number, frame in enumerate(frames):
        assert frame.name == str(number)
        assert len(begun) - number <= 2 + sources._AHEAD_BYTES // frame.rgb.nbytes
    assert number == 29
