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


def test_emotions_can_be_learned_from_pixels_but_not_trivially(faces):
    import cv2
    from sklearn.linear_model import LogisticRegression

    gradients = cv2.HOGDescriptor((48, 48), (16, 16), (8, 8), (8, 8), 9)
    inputs = np.stack([gradients.compute(image).ravel() for image in faces.images])
    training = (faces.table["usage"] == "Training").to_numpy()
    model = LogisticRegression(C=1, max_iter=60, tol=0.01).fit(inputs[training], faces.labels[training])
    assert 0.35 < model.score(inputs[~training], faces.labels[~training]) < 0.95
