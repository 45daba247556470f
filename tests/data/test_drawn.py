import numpy as np
import pytest

from fer.data.drawing import UNITS
from fer.data.drawn import CARICATURE, PROTOTYPES, draw, expression
from fer.emotions import EMOTIONS, USAGES


@pytest.fixture(scope="module")
def faces():
    return draw(560, seed=3)


def test_deterministic_and_a_smaller_set_is_the_beginning_of_a_larger(faces):
    again = draw(75, seed=3)
    assert again.images.tobytes() == faces.images[:75].tobytes()
    assert again.table.equals(faces.table[:75])
    assert draw(20, seed=4).images.tobytes() != faces.images[:20].tobytes()


def test_usages_and_emotions_are_balanced(faces):
    counts = faces.counts()
    for usage, count in zip(USAGES, (64, 8, 8), strict=True):
        assert counts[usage] == dict.fromkeys(EMOTIONS, count)
    assert all(count == 1 for count in draw(70, 0).counts()["PublicTest"].values())


def test_faces_differ_except_for_a_few_planted_copies(faces):
    distinct = len({image.tobytes() for image in faces.images})
    assert len(faces) - 15 <= distinct < len(faces)
    assert faces.images.std(axis=(1, 2)).min() > 4


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_expressions_show_their_prototypes(emotion):
    generator = np.random.default_rng(0)
    drawn = [expression(emotion, generator) for _ in range(200)]
    assert all(set(units) == set(UNITS) and min(units.values()) >= 0 for units in drawn)
    for unit in set.intersection(*(set(prototype) for prototype in PROTOTYPES[emotion])):
        expected = np.mean([prototype[unit] for prototype in PROTOTYPES[emotion]])
        assert np.mean([units[unit] for units in drawn]) == pytest.approx(0.75 * CARICATURE * expected, rel=0.35)


@pytest.mark.slow
def test_emotions_can_be_learned_from_pixels_but_not_trivially(faces):
    from sklearn.linear_model import LogisticRegression

    inputs = oriented_gradients(faces.images)
    training = (faces.table["usage"] == "Training").to_numpy()
    model = LogisticRegression(C=1, max_iter=60, tol=0.01).fit(inputs[training], faces.labels[training])
    assert 0.35 < model.score(inputs[~training], faces.labels[~training]) < 0.95


def oriented_gradients(images):
    """The strength of eight directions of edges in each cell of 6 x 6 pixels (after Dalal and Triggs 2005)."""
    down, right = np.gradient(images.astype(np.float32), axis=(1, 2))
    direction = (np.arctan2(down, right) % np.pi / np.pi * 8).astype(int) % 8
    edges = (direction[:, None] == np.arange(8)[:, None, None]) * np.hypot(down, right)[:, None]
    cells = np.sqrt(edges.reshape(-1, 8, 8, 6, 8, 6).sum((3, 5))).reshape(len(images), -1)
    return cells / np.linalg.norm(cells, axis=1, keepdims=True) * 16
