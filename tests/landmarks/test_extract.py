from pathlib import Path

import cv2
import numpy as np
import pytest

from fer import inputs
from fer.errors import FerError
from fer.landmarks import extract, network
from fer.landmarks.normalize import normalize
from fer.landmarks.symmetry import FLIP
from fer.landmarks.views import LandmarkSettings, LandmarkView


def test_nearly_all_drawn_faces_are_found(landmarks):
    assert landmarks.detected.mean() >= 0.95
    assert landmarks.points.dtype == np.float32
    assert landmarks.points.shape == (70, 478, 3)
    assert landmarks.views.max() == 2
    assert np.array_equal(landmarks.views > 0, ~np.isnan(landmarks.points[:, 0, 0]))


def test_located_coordinates_are_in_sides_of_the_face_image(located):
    eyes = np.nanmean(located[:, [33, 263], :2], axis=(0, 1))
    assert eyes == pytest.approx([0.5, 0.4], abs=0.08)


def test_the_views_that_found_a_face_are_normalised_and_averaged(faces, landmarks, settings):
    net = network.LandmarkNetwork(threads=1)
    images = faces.images[:16]
    first, _ = net.find(images, np.tile(extract.FIRST_REGIONS[0], (16, 1)), mirrored=False)
    views = []
    for view in settings.views:
        points, presence = net.find(images, network.region_around(first, view.scale), view.mirrored)
        points = points[:, FLIP] if view.mirrored else points
        views.append(normalize(points, presence >= settings.presence))
    np.testing.assert_allclose(landmarks.points[:16], np.nanmean(views, axis=0), atol=1e-5)


def test_a_mirrored_view_gives_points_where_the_face_has_them(faces):
    one, other = (
        extract.Locator(LandmarkSettings(0.0, (LandmarkView(1.5, mirrored),)), threads=1).locate(faces.images[:8])
        for mirrored in (False, True)
    )
    assert not np.array_equal(one, other)
    assert np.abs(one[..., :2] - other[..., :2]).mean() < 0.02
    assert np.abs(one[..., 0] - (1 - other[..., 0])).mean() > 0.1


def test_a_turned_or_smaller_face_is_found_by_another_first_look(faces, monkeypatch):
    settings = LandmarkSettings(0.5, (LandmarkView(1.5, False),))
    images = []
    for degrees, scale in ((-50, 0.8), (50, 0.8), (0, 0.4)):
        matrix = cv2.getRotationMatrix2D((23.5, 23.5), degrees, scale)
        images += [cv2.warpAffine(face, matrix, (48, 48), borderMode=cv2.BORDER_REPLICATE) for face in faces.images[:8]]
    with_all = extract.Locator(settings, threads=1).average(np.stack(images))[1].sum()
    monkeypatch.setattr(extract, "FIRST_REGIONS", extract.FIRST_REGIONS[:1])
    assert with_all > extract.Locator(settings, threads=1).average(np.stack(images))[1].sum()


def test_a_region_is_level_with_the_eyes_and_around_the_face():
    points = np.zeros((1, 478, 3))
    points[0, :, :2] = 0.5
    points[0, 33, :2], points[0, 263, :2] = (0.3, 0.3), (0.5, 0.5)
    (region,) = network.region_around(points, scale=1.5)
    assert region == pytest.approx([0.4, 0.4, 0.3, np.pi / 4])


@pytest.mark.parametrize("side", [32, 96, 224])
def test_faces_of_any_size(faces, landmarks, settings, side):
    images = np.stack([cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC) for face in faces.images[:6]])
    found = extract.extract(images, settings)
    both = found.detected & landmarks.detected[:6]
    assert both.sum() >= 5
    assert np.abs(found.points[both] - landmarks.points[:6][both]).mean() < 0.05


def test_the_number_of_threads_does_not_change_a_bit(faces, landmarks, settings):
    again = extract.extract(faces.images, settings, workers=3)
    assert again.points.tobytes() == landmarks.points.tobytes()
    assert np.array_equal(again.views, landmarks.views)


def test_a_picture_without_a_face_has_no_landmarks(faces, settings):
    noise = np.random.default_rng(0).integers(0, 256, (1, 48, 48), np.uint8)
    images = np.concatenate([faces.images[:3], np.zeros((1, 48, 48), np.uint8), noise])
    found = extract.extract(images, settings)
    assert found.views[3:].tolist() == [0, 0]
    assert np.isnan(found.points[3:]).all()
    assert np.isfinite(found.points[:3]).all()


def test_the_models_get_what_the_stage_stores(faces, landmarks, settings):
    made = inputs.from_crops(("pixels", "landmarks"), faces.images, extract.Locator(settings, threads=1))
    assert made["landmarks"].tobytes() == landmarks.points.tobytes()
    assert np.array_equal(made["pixels"], faces.images)
    assert np.array_equal(inputs.known(made), landmarks.detected)
    for wrong in (faces.images[0], faces.images.astype(np.float32), faces.images[:, :40]):
        with pytest.raises(ValueError, match="uint8"):
            inputs.from_crops(("pixels",), wrong)


def test_no_images(settings):
    assert len(extract.extract(np.zeros((0, 48, 48), np.uint8), settings)) == 0
    assert extract.Locator(settings, threads=1).locate(np.zeros((0, 48, 48), np.uint8)).shape == (0, 478, 3)


def test_the_network_gives_mediapipes_points(faces):
    """mediapipe_points.npy: what MediaPipe 0.10.21 gave for the same four regions (FaceLandmarkCpu), in pixels."""
    expected = np.load(Path(__file__).with_name("mediapipe_points.npy"))
    images = faces.images[:4]
    points, presence = network.LandmarkNetwork(threads=1).find(images, np.tile(extract.FIRST_REGIONS[0], (4, 1)), False)
    assert presence.min() > 0.9
    x, y, side, _ = extract.FIRST_REGIONS[0]
    original = (expected + np.array([0.5, 0.5, 0])) / network.SIZE * side + np.array([x - side / 2, y - side / 2, 0])
    eyes = np.linalg.norm(original[:, 263, :2] - original[:, 33, :2], axis=-1)
    assert np.abs(points - original).max() < 0.001 * eyes.min()


def test_another_file_is_refused(tmp_path, monkeypatch, settings):
    (tmp_path / "face_landmarks.onnx").write_bytes(b"something else")
    monkeypatch.setattr(network, "FILE", tmp_path / "face_landmarks.onnx")
    with pytest.raises(FerError, match="missing or damaged"):
        extract.Locator(settings)


@pytest.mark.parametrize(
    "values",
    [
        None,
        {"presence": 0.5},
        {"presence": True, "views": [{"scale": 1.5, "mirrored": False}]},
        {"presence": 2, "views": [{"scale": 1.5, "mirrored": False}]},
        {"presence": 0.5, "views": []},
        {"presence": 0.5, "views": [{"scale": 0, "mirrored": False}]},
        {"presence": 0.5, "views": [{"scale": 1.5, "mirrored": 1}]},
        {"presence": 0.5, "views": [{"scale": 1.5, "mirrored": False}], "confidence": 0.1},
    ],
)
def test_settings_that_are_none(values):
    with pytest.raises(ValueError, match=r"presence|views|view|mapping"):
        LandmarkSettings.from_dict(values)


def test_settings_go_through_a_dictionary_unchanged(settings):
    assert LandmarkSettings.from_dict(settings.as_dict()) == settings
