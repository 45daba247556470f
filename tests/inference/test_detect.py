"""The detector: small faces, crowds."""

import numpy as np
import pytest
from PIL import Image

from fer.inference import detect
from fer.inference.crop import Detection
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


def test_small_faces_that_are_asked_for_are_found_in_tiles(detector, portrait):
    # Faces of 20 pixels, some of them across the edges of tiles.
    sides = {(x, y): 36 for x in range(40, 2000, 420) for y in (30, 400, 930)}
    photo, middles = crowd(portrait, (2100, 1000), sides)
    assert found_at(detector.find(photo), middles) < 10
    faces = detector.find(photo, smallest=16)
    assert found_at(faces, middles) == len(faces) == 15


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


def test_a_face_moves_to_the_picture_of_which_its_own_shows_a_part():
    face = Detection((10, 20, 30, 40), 0.9, np.array([[12.0, 22.0]] * 5))
    moved = face.moved(np.array([2.0, 0.5]), (100, 200))
    assert moved.box == (120, 210, 60, 20)
    assert moved.points[0].tolist() == [124, 211]
    assert moved.score == 0.9
