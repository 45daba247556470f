import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fer.landmarks.normalize import normalize
from fer.landmarks.symmetry import FLIP, MIDLINE
from fer.landmarks.topology import connections


@pytest.fixture
def detected(located):
    return ~np.isnan(located[:, 0, 0])


def _mirrored(points):
    return points[:, FLIP] * np.float32([-1, 1, 1])


def _turned(xyz, roll, yaw, pitch, scale, shift):
    turn = Rotation.from_euler("zyx", [roll, yaw, pitch], degrees=True).as_matrix()
    return (scale * xyz @ turn + shift).astype(np.float32)


@pytest.mark.parametrize(
    ("angles", "scale", "shift"),
    [((30, 0, 0), 1, 0), ((-75, 0, 0), 1, 0), ((0, 35, 0), 1, 0), ((0, 0, -30), 1, 0), ((170, 20, 10), 0.4, 0.3)],
)
def test_roll_yaw_pitch_scale_and_shift_are_removed(located, detected, angles, scale, shift):
    expected = normalize(located, detected)
    moved = normalize(_turned(located, *angles, scale, shift), detected)
    np.testing.assert_allclose(moved, expected, atol=2e-4)


def test_eyes_lie_about_level_and_one_apart(located, detected):
    points = normalize(located, detected)[detected]
    right, left = points[:, [33, 133]].mean(1), points[:, [362, 263]].mean(1)
    assert np.abs(left[:, 1] - right[:, 1]).max() < 0.15  # one eye behind dark glasses is off by 0.1
    assert np.abs(np.linalg.norm(left - right, axis=-1) - 1).max() < 0.25
    assert np.abs(left + right)[:, :2].mean() < 0.1
    assert (left[:, 0] > right[:, 0]).all()


def test_it_commutes_with_mirroring(located, detected):
    mirrored = _mirrored(located)
    expected = _mirrored(normalize(located, detected))
    np.testing.assert_allclose(normalize(mirrored, detected), expected, atol=2e-4)


def test_unknown_faces_are_nan_whatever_they_hold(located, detected):
    detected = detected.copy()
    detected[[3, 5]] = False
    some = located.copy()
    some[5] = np.nan
    points = normalize(some, detected)
    assert np.isnan(points[[3, 5]]).all()
    assert np.isfinite(points[detected]).all()
    assert np.isnan(normalize(np.zeros((478, 3), np.float32), np.array(True))).all()


def test_one_face_or_any_batch_shape(located, detected):
    expected = normalize(located[:4], detected[:4])
    assert expected.dtype == np.float32
    grid = normalize(located[:4].reshape(2, 2, 478, 3), detected[:4].reshape(2, 2))
    assert np.array_equal(grid.reshape(4, 478, 3), expected)
    assert np.array_equal(normalize(located[0], detected[0]), expected[0])


def test_flip_is_its_own_inverse():
    assert FLIP.dtype == np.int64
    assert np.array_equal(FLIP[FLIP], np.arange(478))
    assert np.array_equal(np.flatnonzero(np.arange(478) == FLIP), sorted(MIDLINE))


def _mapped(name):
    return {frozenset(FLIP[list(edge)].tolist()) for edge in connections()[name]}


def _edges(name):
    return {frozenset(edge) for edge in connections()[name]}


@pytest.mark.parametrize("part", ["eye", "eyebrow", "iris"])
def test_flip_exchanges_left_and_right(part):
    assert _mapped(f"left_{part}") == _edges(f"right_{part}")


@pytest.mark.parametrize("part", ["lips", "oval", "nose"])
def test_flip_keeps_parts_on_the_midline(part):
    assert _mapped(part) == _edges(part)


def test_flip_keeps_the_mesh():
    # MediaPipe's own triangulation has six diagonals that run the other way on the other side.
    assert len(_mapped("tesselation") - _edges("tesselation")) == 6


def test_the_mean_face_is_nearly_symmetric(located, detected):
    points = normalize(located, detected)[detected]
    mean = points.mean(axis=0, keepdims=True)
    assert np.abs(_mirrored(mean) - mean).max() < 0.12
