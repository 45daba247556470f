import numpy as np

from fer.landmarks import areas, symmetry


def test_each_landmark_lies_in_one_area_and_so_does_its_mirror_image():
    masks = areas.masks()
    assert masks.shape == (len(areas.AREAS), 478)
    assert (masks.sum(axis=0) == 1).all()
    assert (masks.sum(axis=1) >= 30).all()
    np.testing.assert_array_equal(masks[:, symmetry.FLIP], masks)


def test_the_triangles_cover_a_face_and_have_the_mean_of_their_corners():
    corners = areas.triangles()
    assert corners.shape[1] == 3
    assert len(corners) > 800
    assert (corners < 468).all()  # the irises lie on the mesh, not in it
    points = np.random.default_rng(0).random((478, 2))
    flat = areas.painted(points, np.stack([np.full(478, 2.0), np.zeros(478)]), 40)
    assert flat.shape == (2, 40, 40)
    assert set(np.unique(flat[0])) <= {0, 2}
    assert (flat[0] == 2).mean() > 0.5
    one = np.zeros(478)
    one[corners[-1]] = [3, 3, 0]
    assert areas.painted(points, one, 200).max() >= 2
