"""Heat maps: exact where they can be, on the right place, and in the face's own coordinates."""

import numpy as np
import pytest

from fer import inputs
from fer.emotions import INDEX
from fer.explain import heat, maps
from fer.inputs.poses import POSES
from fer.landmarks import areas


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_evidence_is_what_of_the_logits_the_probabilities_tell():
    logits = np.random.default_rng(0).normal(0, 3, (5, 7))
    np.testing.assert_allclose(maps.evidence(softmax(logits)), logits - logits.mean(axis=1, keepdims=True), atol=1e-6)
    assert np.isfinite(maps.evidence(np.eye(7))).all()


def test_the_mean_of_a_class_activation_map_is_the_logit_but_for_the_bias():
    rng = np.random.default_rng(0)
    features, weights, bias = rng.normal(size=(4, 12, 3, 5)), rng.normal(size=(7, 12)), rng.normal(size=7)
    logits = features.mean(axis=(2, 3)) @ weights.T + bias
    found = maps.class_maps(features, np.repeat(weights[None], 4, axis=0))
    np.testing.assert_allclose(found.mean(axis=(2, 3)) + bias, logits)


@pytest.mark.parametrize("pose", POSES)
def test_maps_of_a_view_come_back_to_the_places_of_the_face(pose):
    size, place = 48, np.array([0.36, -0.28])  # in half sides from the middle
    view = np.linalg.solve(pose.matrix()[:, :2], place - pose.matrix()[:, 2])
    axis = (np.arange(24) + 0.5) / 12 - 1
    dot = np.exp(-((axis[:, None] - view[1]) ** 2 + (axis - view[0]) ** 2) / 0.02)
    seen = np.zeros((1, 7, 24, 24))
    seen[0, 2] = dot
    found = maps.over_crops(seen, pose, size)
    assert found.shape == (1, 7, size, size)
    np.testing.assert_allclose(found.sum(axis=1), 0, atol=1e-4)  # what all emotions share is no evidence
    row, column = np.unravel_index(found[0, 2].argmax(), (size, size))
    expected = (place + 1) / 2 * size - 0.5
    np.testing.assert_allclose([column, row], expected, atol=1.5)


def test_occlusion_finds_the_place_on_which_the_answer_depends():
    rng = np.random.default_rng(0)
    face = rng.integers(0, 256, (1, 48, 48), np.uint8)
    detail = np.where(np.indices((8, 8)).sum(axis=0) % 2, 255, 0).astype(np.uint8)  # which a blur takes away
    face[0, 30:38, 8:16] = detail

    def answer(values):
        logits = np.zeros((len(values["pixels"]), 7))
        logits[:, 3] = values["pixels"][:, 30:38, 8:16].std(axis=(1, 2)) / 30
        return softmax(logits)

    masks = inputs.KINDS["pixels"].parts(48)
    found = maps.occlusion(answer, {"pixels": face}, "pixels", masks)
    assert found.shape == (7, 48, 48)
    row, column = np.unravel_index(found[3].argmax(), (48, 48))
    assert 27 <= row <= 40
    assert 5 <= column <= 18
    assert found[3].max() > 0 > found[0].min()
    assert abs(found[3, 5, 40]) < 0.05 * found[3].max()


def test_an_area_of_the_face_holds_what_its_landmarks_say():
    points = np.random.default_rng(0).normal(size=(1, 478, 3)).astype(np.float32)
    mouth = areas.masks()[list(areas.AREAS).index("mouth")]

    def answer(values):
        logits = np.zeros((len(values["landmarks"]), 7))
        logits[:, INDEX["happy"]] = 2 - np.isnan(values["landmarks"][:, mouth]).all(axis=(1, 2))
        return softmax(logits)

    kind = inputs.KINDS["landmarks"]
    lost = maps.losses(answer, {"landmarks": points}, "landmarks", kind.parts(48))
    assert lost.shape == (6, 7)
    assert lost[list(areas.AREAS).index("mouth"), INDEX["happy"]] == pytest.approx(6 / 7)
    assert np.abs(np.delete(lost, list(areas.AREAS).index("mouth"), axis=0)).max() < 1e-9


@pytest.mark.parametrize("name", inputs.KINDS)
def test_all_of_a_face_can_be_hidden_and_what_no_mask_holds_stays(name):
    kind = inputs.KINDS[name]
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (1, 48, 48), np.uint8)
    face = crops if name == "pixels" else rng.normal(size=(1, 478, 3)).astype(np.float32)
    parts = kind.parts(48)
    assert parts.max() <= 1
    assert parts.sum(axis=0).min() > 0.5  # each place is in some part
    places = parts.shape[1:]
    np.testing.assert_array_equal(kind.hide(face, np.zeros((1, *places))), face)
    hidden = kind.hide(face, np.ones((1, *places)))
    assert hidden.shape == face.shape
    assert hidden.dtype == face.dtype
    assert not (hidden == face).all(axis=0).all()


def test_colours_are_warm_for_and_cold_against_and_let_the_face_through():
    values = np.array([[1.0, -1.0, 0.0, 5.0]])
    layer = heat.colours(values, 1.0)
    grey = np.full((1, 4, 3), 128, np.uint8)
    red, _, blue = heat.over(grey, layer)[0].astype(int).T
    assert red[0] > 128 > blue[0]
    assert blue[1] > 128 > red[1]
    assert (red[2], blue[2]) == (128, 128)
    assert layer[..., 3].max() < 0.9
    np.testing.assert_array_equal(layer[0, 3], layer[0, 0])
    assert np.isfinite(heat.colours(np.zeros((2, 2)), 0.0)).all()
