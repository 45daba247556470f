"""From a photo to the crop that a model sees."""

import numpy as np
import pytest

from fer.inference import crop
from fer.inference.crop import Detection, crop_face, crop_region
from fer.inference.detect import suppress_overlaps


def found(middle, size, degrees=0.0, points=True):
    """A face whose points lie as those of an upright face do, turned in the picture."""
    upright = np.array([[-0.25, -0.15], [0.25, -0.15], [0, 0.05], [-0.2, 0.25], [0.2, 0.25]]) * size
    turn = np.deg2rad(degrees)
    turned = upright @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + middle
    box = (middle[0] - size / 2, middle[1] - size / 2, size, size)
    return Detection(box, 0.9, turned if points else None)


@pytest.mark.parametrize("degrees", [0, 25, -40])
@pytest.mark.parametrize("size", [20, 45, 160, 700])
def test_a_crop_is_upright_and_shows_the_box(degrees, size):
    photo = np.zeros((1400, 1400), np.uint8)
    face = found(np.array([700.5, 600.5]), size, degrees)
    rows, columns = np.mgrid[:1400, :1400]
    radius = max(1.0, size / 12)
    for x, y in face.points[:2]:
        photo[np.hypot(columns + 0.5 - x, rows + 0.5 - y) <= radius] = 255
    assert crop_region(face) == (
        pytest.approx(face.centre),
        pytest.approx(size * crop.CROP_SCALE),
        pytest.approx(degrees),
    )
    picture = crop_face(photo, face).astype(float)
    for left in (True, False):
        half = picture[:, :24] if left else picture[:, 24:]
        x, y = [(half * axis).sum() / half.sum() + 0.5 for axis in np.mgrid[:48, :24][::-1]]
        assert x + 24 * (not left) == pytest.approx(24 + (-12 if left else 12) / crop.CROP_SCALE, abs=0.8)
        assert y == pytest.approx(24 - 7.2 / crop.CROP_SCALE, abs=0.8)


def test_a_sharp_face_is_averaged_down_and_the_edge_goes_on():
    board = np.indices((960, 960)).sum(axis=0).astype(np.uint8) % 2 * 255  # finer than a crop can show
    fine = crop_face(board, found(np.array([480.0, 480.0]), 900))
    assert fine.std() < 3
    white = np.full((100, 100), 200, np.uint8)
    assert (crop_face(white, found(np.array([5.0, 5.0]), 90)) == 200).all()


def test_a_dark_face_is_brightened_and_a_bright_one_left_alone():
    rows, columns = np.mgrid[:100, :100]
    picture = (120 + 79 * np.sin(columns / 5) * np.cos(rows / 7)).astype(np.uint8)
    face = found(np.array([50.0, 50.0]), 60)
    bright, dark = crop_face(picture, face).astype(float), crop_face(picture // 4, face).astype(float)
    assert bright.max() < 200
    assert np.corrcoef(bright.ravel(), dark.ravel())[0, 1] > 0.99
    assert np.percentile(dark, 99) == pytest.approx(200, abs=2)
    assert (crop_face(np.zeros((100, 100), np.uint8), face) == 0).all()


def test_noise_is_measured_and_not_mistaken_for_what_a_face_shows():
    draw = np.random.default_rng(0)
    rows, columns = np.mgrid[:300, :300]
    face = 110 + 60 * np.sin(columns / 9) * np.cos(rows / 7) + 20 * (rows > 150)  # slopes and an edge
    assert crop.noise(np.round(face).astype(np.uint8)) < 1
    for level in (5, 15, 25):
        noisy = np.clip(np.round(face + draw.normal(0, level, face.shape)), 0, 255).astype(np.uint8)
        assert crop.noise(noisy) == pytest.approx(level, rel=0.1)
    assert crop.noise(np.zeros((2, 1), np.uint8)) == 0


@pytest.mark.parametrize("size", [40, 100, 300])
@pytest.mark.parametrize("light", [1.0, 0.3])
def test_a_noisy_face_is_denoised_in_place_and_a_clean_one_left_alone(size, light, monkeypatch):
    rows, columns = np.mgrid[:600, :500]
    clean = light * (120 + 80 * np.sin(columns / size * 9) * np.cos(rows / size * 7))
    noisy = np.clip(clean + np.random.default_rng(1).normal(0, 30 * light, clean.shape), 0, 255)
    faces = [found(np.array(middle), size, 20) for middle in ((250.0, 310.0), (12.0, 590.0))]  # one cut by the edge

    def crops(photo):
        return [crop_face(np.round(photo).astype(np.uint8), face).astype(float) for face in faces]

    truth, denoised = crops(clean), crops(noisy)
    monkeypatch.setattr(crop, "MAX_NOISE", np.inf)
    for was, now, unchanged, left in zip(truth, denoised, crops(clean), crops(noisy), strict=True):
        assert (was == unchanged).all()
        assert np.abs(now - was).mean() < 0.85 * np.abs(left - was).mean()


def test_boxes_of_one_face_are_merged_and_the_largest_comes_first():
    several = [Detection((0, 0, 10, 10), 0.6), Detection((1, 1, 10, 10), 0.9), Detection((50, 50, 30, 30), 0.7)]
    assert [face.box[0] for face in suppress_overlaps(several)] == [50, 1]
