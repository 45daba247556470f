"""How a head is held, by its landmarks."""

import numpy as np
import pytest

from fer.landmarks.normalize import normalize
from fer.landmarks.pose import angles, head_poses
from fer.landmarks.posed import PosedLocator
from fer.landmarks.symmetry import FLIP


def turn(yaw, pitch, roll):
    """Nodded, then turned, then tilted, float [3, 3]: above 0 to the right of the picture, up, clockwise."""
    yaw, pitch, roll = np.radians([-yaw, -pitch, roll])
    nod = [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    across = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    tilt = [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    return np.array(tilt) @ across @ nod


@pytest.mark.parametrize("held", [(0, 0, 0), (50, 0, 0), (0, 25, 0), (-20, -15, 100), (10, 5, -170)])
def test_a_known_turn_is_found_again(located, held):
    np.testing.assert_allclose(angles(turn(*held)[None])[0], held, atol=1e-9)
    straight = normalize(located[:4], ~np.isnan(located[:4, 0, 0]))
    seen = (straight @ turn(*held).T * 0.2 + (0.5, 0.4, 0.0)).astype(np.float32)
    np.testing.assert_allclose(head_poses(seen), np.tile(held, (4, 1)), atol=0.1)


def test_points_that_fall_together_have_no_pose(located):
    points = located[:2].copy()
    points[1] = 0.5
    assert np.isnan(head_poses(points)).tolist() == [[False] * 3, [True] * 3]


def test_a_locator_remembers_the_poses_and_finds_the_same_landmarks(faces, settings, landmarks):
    locator = PosedLocator(settings, threads=1)
    points, views = locator.average(faces.images[:5])
    np.testing.assert_array_equal(points, landmarks.points[:5])
    np.testing.assert_array_equal(views, landmarks.views[:5])
    poses = locator.poses
    assert poses.shape == (5, 3)
    assert np.abs(poses).max() < 90
    locator.average(faces.images[:2, :, ::-1])
    np.testing.assert_allclose(
        locator.poses, poses[:2] * (-1, 1, -1), atol=6
    )  # a mirrored face is turned the other way
    assert locator.average(faces.images[:0])[0].shape == (0, 478, 3)
    assert locator.poses.shape == (0, 3)


def test_mirrored_landmarks_have_the_mirrored_pose(located):
    mirrored = located[:6, FLIP] * np.float32([-1, 1, 1])
    np.testing.assert_allclose(head_poses(mirrored), head_poses(located[:6]) * (-1, 1, -1), atol=0.05)
