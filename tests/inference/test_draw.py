"""Annotated copies: every face has its number, and nothing that is written covers a face."""

from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from fer.data import drawn
from fer.inference import draw, labels
from fer.inference.faces import Face
from fer.inference.layout import Room, columns


def group(count, size, side, seed=0):
    """A picture in which drawn faces stand in rows, and the faces, the largest first."""
    generator = np.random.default_rng(seed)
    picture, faces = Image.new("RGB", size, "white"), []
    across = min(count, int(np.ceil(np.sqrt(count * size[0] / size[1]))))
    wide, tall = size[0] / across, size[1] / -(-count // across)
    for number, pixels in enumerate(drawn.draw(count, seed).images):
        own = int(side * generator.uniform(0.8, 1.0))
        left, top = int(number % across * wide + (wide - own) / 2), int(number // across * tall + (tall - own) / 2)
        picture.paste(Image.fromarray(pixels).resize((own, own)), (left, top))
        faces.append(Face((left, top, own, own), 0.9, generator.dirichlet(np.ones(7)).astype(np.float32)))
    return picture, sorted(faces, key=lambda face: -face.box[2])


@pytest.fixture
def written(monkeypatch):
    """What is drawn: for each kind of label the places by number."""
    seen = {kind: {} for kind in (labels.Number, labels.Line, labels.Panel)}
    for kind, places in seen.items():

        def note(self, canvas, mark, place, original=kind.draw, places=places):
            places[mark.number] = place
            original(self, canvas, mark, place)

        monkeypatch.setattr(kind, "draw", note)
    return seen


def meet(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def assert_apart(places, faces, size):
    boxes = [(left, top, left + width, top + height) for left, top, width, height in (face.box for face in faces)]
    for place in places:
        assert min(place[:2]) >= 0
        assert place[2] <= size[0]
        assert place[3] <= size[1]
        assert not any(meet(place, box) for box in boxes)
    assert not any(meet(*pair) for pair in combinations(places, 2))


@pytest.mark.parametrize(
    ("count", "size", "side"), [(1, (800, 600), 300), (2, (1200, 800), 320), (3, (1600, 900), 300)]
)
def test_a_few_faces_have_panels_that_cover_no_face_and_no_panel(written, count, size, side):
    picture, faces = group(count, size, side)
    copy = draw.annotated(picture, faces, legend=True)
    assert copy.size == size
    panels, numbers = written[labels.Panel], written[labels.Number]
    assert set(panels) == set(numbers) == set(range(1, count + 1))
    assert_apart([*panels.values(), *numbers.values()], faces, size)
    for left, top, width, height in (face.box for face in faces):  # the faces themselves are as they were
        inner = (left + 9, top + 9, left + width - 9, top + height - 9)
        assert copy.crop(inner).tobytes() == picture.crop(inner).tobytes()


@pytest.mark.parametrize(("count", "size", "side"), [(7, (1600, 1000), 220), (29, (2000, 1300), 140)])
def test_more_faces_have_a_line_each(written, count, size, side):
    picture, faces = group(count, size, side)
    assert draw.annotated(picture, faces, legend=True).size == size
    assert set(written[labels.Line]) == set(range(1, count + 1))
    assert not written[labels.Panel]
    assert_apart(list(written[labels.Line].values()), faces, size)


@pytest.mark.parametrize(
    ("count", "size", "side", "kind"),
    [
        (100, (1600, 1200), 90, labels.Line),
        (29, (1200, 800), 158, labels.Line),  # no room for lines
        (1, (640, 480), 530, labels.Panel),
    ],
)
def test_where_there_is_no_room_a_legend_says_it(written, count, size, side, kind):
    picture, faces = group(count, size, side)
    copy = draw.annotated(picture, faces, legend=True)
    assert (copy.width > size[0]) != (copy.height > size[1])
    assert set(written[kind]) == set(written[labels.Number]) == set(range(1, count + 1))
    for place in written[kind].values():
        assert place[0] >= size[0] or place[1] >= size[1]
        assert place[2] <= copy.width
        assert place[3] <= copy.height
    assert not any(meet(*pair) for pair in combinations(written[kind].values(), 2))


def test_without_a_legend_the_size_stays_and_every_face_has_its_number(written):
    picture, faces = group(29, (1200, 800), 158)
    assert draw.annotated(picture, faces, range(101, 130)).size == picture.size
    assert set(written[labels.Line]) | set(written[labels.Number]) == set(range(101, 130))
    assert not set(written[labels.Line]) & set(written[labels.Number])


def test_a_doubtful_face_has_a_question_mark():
    chances = np.array([0.1, 0, 0, 0.8, 0.1, 0, 0], np.float32)
    sure, doubtful = Face((0, 0, 9, 9), 1, chances), Face((0, 0, 9, 9), 1, chances, 0.5, ("turned away",))
    assert labels.Mark(1, sure, (0, 0, 9, 9)).text == "happy 80%"
    assert labels.Mark(1, doubtful, (0, 0, 9, 9)).text == "happy 80%?"


def test_what_has_the_fewest_places_is_placed_first():
    # The first face could take the place between the two, which is the only one of the second.
    room = Room((40, 10), [(10, 0, 20, 10), (30, 0, 40, 10)])
    assert room.beside([(10, 0, 20, 10), (30, 0, 40, 10)], [(10, 10)] * 2, 0, upright=True) == [
        (0, 0, 10, 10),
        (20, 0, 30, 10),
    ]


def test_a_legend_adds_little():
    assert columns(38, (100, 20), (1600, 800)) == (1, 38, True)
    assert columns(100, (100, 20), (1000, 120)) == (10, 10, False)
    assert columns(3, (100, 20), (1, 900)) == (1, 3, False)
