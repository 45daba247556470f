"""The detector: small faces, crowds."""

import numpy as np
import pytest
from PIL import Image

from fer.inference import detect
from fer.inference.crop import Detection, crop_face
from fer.inference.detect import Detector
from tests.inference.conftest import PHOTO


@pytest.fixture(scope="module")
def detector():
    return Detector(threads=1)


@pytest.fixture(scope="module")
def portrait():
    """A real face of 88 x 119 pixels in a square of 160, grey."""
    return Image.open(PHOTO).convert("L").crop((146, 22, 306, 182))


def crowd(portrait, size, sides):
    """The same face at many places.

    Args:
        portrait: the face.
        size: of the photo.
        sides: of the face's picture at each place.

    Returns:
        The photo, uint8 [H, W], and the middles of the faces.
    """
    picture, middles = Image.new("L", size, 120), []
    for (x, y), side in sides.items():
        picture.paste(portrait.resize((side, side), Image.Resampling.LANCZOS), (x, y))
        middles.append((x + side / 2, y + side / 2))
    return np.asarray(picture), middles


def found_at(faces, middles):
    return sum(any(np.hypot(*(face.centre - middle)) < 20 for face in faces) for middle in middles)


@pytest.mark.slow
def test_small_faces_that_are_asked_for_are_found_in_tiles(detector, portrait):
    # Faces of 20 pixels, some of them across the edges of tiles.
    sides = {(x, y): 36 for x in range(40, 2000, 420) for y in (30, 400, 930)}
    photo, middles = crowd(portrait, (2100, 1000), sides)
    assert found_at(detector.find(photo), middles) < 10
    faces = detector.find(photo, smallest=16)
    assert found_at(faces, middles) == len(faces) == 15


@pytest.mark.slow
def test_a_crowd_in_a_large_photo_is_looked_at_more_closely_by_itself(detector, monkeypatch):
    portrait = Image.open(PHOTO).convert("L").crop((100, 0, 360, 260))
    large, small = ({(100 + 390 * number, y): side for number in range(9)} for y, side in ((60, 180), (450, 84)))
    photo, middles = crowd(portrait, (3600, 700), large | small)
    assert found_at(detector.find(photo), middles) == 18
    monkeypatch.setattr(detect, "CROWD", 100)
    assert found_at(detector.find(photo), middles) == 9


def test_a_face_that_a_tile_cuts_is_left_to_its_neighbour():
    edge = (False, False, True, False)  # the photo goes on at the right
    for box, cut in (((10, 10, 20, 20), False), ((80, 10, 20, 20), True), ((0, 10, 20, 20), False)):
        assert detect._is_cut(Detection(box, 0.9), (100, 100), edge) is cut


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_face_in_a_turned_photo_is_found_as_in_the_upright_one(detector, quarters):
    upright = np.asarray(Image.open(PHOTO).convert("L"))[:400]
    turned = np.ascontiguousarray(np.rot90(upright, quarters))
    (face,), (expected,) = detector.find(turned), detector.find(upright)
    assert abs((face.roll + 90 * quarters + 180) % 360 - 180 - expected.roll) < 10
    crops = [crop_face(picture, found).astype(float) for picture, found in ((turned, face), (upright, expected))]
    assert np.corrcoef(crops[0].ravel(), crops[1].ravel())[0, 1] > 0.9
    assert not any(face.is_upright for face in detector.find(turned, turned=False))  # what was found before


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_what_was_found_in_a_turned_photo_is_turned_back(quarters):
    picture = np.arange(12).reshape(3, 4)
    turned = np.rot90(picture, quarters)
    for row, column in np.ndindex(turned.shape):
        pixel = Detection((column, row, 1.0, 1.0), 0.9, np.array([[column + 0.5, row + 0.5]]))
        left, top, width, height = pixel.turned_back(quarters, picture.shape).box
        assert (width, height) == (1, 1)
        assert picture[int(top), int(left)] == turned[row, column]
        assert (pixel.turned_back(quarters, picture.shape).points == [[left + 0.5, top + 0.5]]).all()


def test_a_face_moves_to_the_picture_of_which_its_own_shows_a_part():
    face = Detection((10, 20, 30, 40), 0.9, np.array([[12.0, 22.0]] * 5))
    moved = face.moved(np.array([2.0, 0.5]), (100, 200))
    assert moved.box == (120, 210, 60, 20)
    assert moved.points[0].tolist() == [124, 211]
    assert moved.score == 0.9


def test_near_its_earlier_place_a_face_is_found_as_in_the_whole_photo(detector, portrait):
    photo, middles = crowd(portrait, (1280, 720), {(200, 300): 160, (900, 100): 160})
    whole = detector.find(photo, turned=False)
    assert found_at(whole, middles) == len(whole) == 2
    places = [(left + 12, top - 9, width, height) for left, top, width, height in (face.box for face in whole)]
    for face in whole:
        (near,) = detector.find_near(photo, [places[whole.index(face)]])  # and none of the other
        np.testing.assert_allclose(near.box, face.box, atol=8)
        np.testing.assert_allclose(near.points, face.points, atol=8)
    assert found_at(detector.find_near(photo, places), middles) == 2


def test_a_face_that_has_gone_calls_for_the_whole_photo(detector, portrait):
    photo, _ = crowd(portrait, (1280, 720), {(200, 300): 160})
    (face,) = detector.find(photo, turned=False)
    left, top, width, height = face.box
    assert detector.find_near(photo, [face.box, (900, 100, 90, 120)]) is None
    assert detector.find_near(photo, [(left + 2 * width, top, width, height)]) is None
    assert detector.find_near(photo, [(5000, 5000, 90, 120)]) is None
    assert detector.find_near(photo, [face.box] * 7) is None


def test_a_face_at_the_edge_of_a_frame_is_not_taken_for_a_cut_one(detector, portrait):
    photo, _ = crowd(portrait, (1280, 720), {(-20, 300): 160})
    (face,) = detector.find(photo, turned=False)
    (near,) = detector.find_near(photo, [face.box])
    np.testing.assert_allclose(near.box, face.box, atol=8)
