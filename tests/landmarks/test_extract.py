from pathlib import Path

import cv2
import numpy as np
import pytest

from fer import inputs
from fer.errors import FerError
from fer.landmarks import detector, extract, network
from fer.landmarks.detector import FaceDetector
from fer.landmarks.normalize import normalize
from fer.landmarks.regions import region_around
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
    detect, net = FaceDetector(threads=1), network.LandmarkNetwork(threads=1)
    images = faces.images[:16]
    views = []
    for view in settings.views:
        points, presence = net.find(images, detect.find(images, view.border, view.mirrored), view.mirrored)
        points = points[:, FLIP] if view.mirrored else points
        views.append(normalize(points, presence >= settings.presence))
    sure = ~np.isnan(views)[..., 0, 0].all(axis=0)
    assert sure.sum() >= 14
    np.testing.assert_allclose(landmarks.points[:16][sure], np.nanmean(views, axis=0)[sure], atol=1e-5)


def test_a_mirrored_view_gives_points_where_the_face_has_them(faces):
    one, other = (
        extract.Locator(LandmarkSettings(0.0, (LandmarkView(0.25, mirrored),)), threads=1).locate(faces.images[:8])
        for mirrored in (False, True)
    )
    assert not np.array_equal(one, other)
    assert np.abs(one[..., :2] - other[..., :2]).mean() < 0.02
    assert np.abs(one[..., 0] - (1 - other[..., 0])).mean() > 0.1


@pytest.mark.slow
def test_a_face_that_the_detector_misses_is_found_by_a_second_look(faces, monkeypatch):
    locator = extract.Locator(LandmarkSettings(0.5, (LandmarkView(0.25, False),)), threads=1)
    expected = locator.locate(faces.images[:8])
    corner = np.tile((0.0, 0.0, 0.1, 0.0), (2, 1))
    monkeypatch.setattr(FaceDetector, "find", lambda self, images, border, mirrored: corner[: len(images)].copy())
    assert np.abs(locator.locate(faces.images[:8])[..., :2] - expected[..., :2]).mean() < 0.02
    assert (locator.average(faces.images[:8])[1] > 0).all()


def test_the_detector_says_where_a_face_is_and_how_it_is_turned(faces):
    images = faces.images[:16]
    upright = np.median(FaceDetector(threads=1).find(images, 0.25, mirrored=False), axis=0)
    mirrored = np.median(FaceDetector(threads=1).find(images, 0.25, mirrored=True), axis=0)
    assert upright[:2] == pytest.approx([0.5, 0.5], abs=0.1)
    assert 0.7 < upright[2] < 1.5
    assert mirrored == pytest.approx(upright, abs=0.1)
    matrix = cv2.getRotationMatrix2D((23.5, 23.5), -20, 1)
    turned = np.stack([cv2.warpAffine(face, matrix, (48, 48), borderMode=cv2.BORDER_REPLICATE) for face in images])
    regions = FaceDetector(threads=1).find(turned, 0.25, mirrored=False)
    assert np.degrees(np.median(regions[:, 3]) - upright[3]) == pytest.approx(20, abs=6)


def test_a_region_is_level_with_the_eyes_and_around_the_face():
    points = np.zeros((1, 478, 3))
    points[0, :, :2] = 0.5
    points[0, 33, :2], points[0, 263, :2] = (0.3, 0.3), (0.5, 0.5)
    (region,) = region_around(points, scale=1.5)
    assert region == pytest.approx([0.4, 0.4, 0.3, np.pi / 4])


@pytest.mark.parametrize("side", [32, 96, 224])
def test_faces_of_any_size(faces, landmarks, settings, side):
    images = np.stack([cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC) for face in faces.images[:6]])
    found = extract.extract(images, settings)
    both = found.detected & landmarks.detected[:6]
    assert both.sum() >= 5
    assert np.abs(found.points[both] - landmarks.points[:6][both]).mean() < 0.05


@pytest.mark.slow
def test_the_number_of_threads_does_not_change_a_bit(faces, landmarks, settings):
    again = extract.extract(faces.images, settings, workers=3)
    assert again.points.tobytes() == landmarks.points.tobytes()
    assert np.array_equal(again.views, landmarks.views)


def test_a_picture_without_a_face_is_not_found_but_has_rough_landmarks(faces, settings):
    noise = np.random.default_rng(0).integers(0, 256, (1, 48, 48), np.uint8)
    images = np.concatenate([faces.images[:3], np.zeros((1, 48, 48), np.uint8), noise])
    found = extract.extract(images, settings)
    assert found.views[3:].tolist() == [0, 0]
    assert np.isfinite(found.points).all()


@pytest.mark.slow
def test_the_models_get_what_the_stage_stores(faces, landmarks, settings):
    made = inputs.from_crops(("pixels", "landmarks"), faces.images, extract.Locator(settings, threads=1))
    assert made["landmarks"].tobytes() == landmarks.points.tobytes()
    assert np.array_equal(made["pixels"], faces.images)
    assert inputs.known(made).all()
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
    points, presence = network.LandmarkNetwork(threads=1).find(images, np.tile(extract.USUAL_REGIONS[0], (4, 1)), False)
    assert presence.min() > 0.9
    x, y, side, _ = extract.USUAL_REGIONS[0]
    original = (expected + np.array([0.5, 0.5, 0])) / network.SIZE * side + np.array([x - side / 2, y - side / 2, 0])
    eyes = np.linalg.norm(original[:, 263, :2] - original[:, 33, :2], axis=-1)
    assert np.abs(points - original).max() < 0.001 * eyes.min()


@pytest.mark.parametrize("module", [detector, network])
def test_another_file_is_refused(tmp_path, monkeypatch, settings, module):
    (tmp_path / "other.onnx").write_bytes(b"something else")
    monkeypatch.setattr(module, "FILE", tmp_path / "other.onnx")
    with pytest.raises(FerError, match="missing or damaged"):
        extract.Locator(settings)


@pytest.mark.parametrize(
    "values",
    [
        None,
        {"presence": 0.5},
        {"presence": True, "views": [{"border": 0.25, "mirrored": False}]},
        {"presence": 2, "views": [{"border": 0.25, "mirrored": False}]},
        {"presence": 0.5, "views": []},
        {"presence": 0.5, "views": [{"border": -1, "mirrored": False}]},
        {"presence": 0.5, "views": [{"border": 0.25, "mirrored": 1}]},
        {"presence": 0.5, "views": [{"border": 0.25, "mirrored": False}], "confidence": 0.1},
    ],
)
def test_settings_that_are_none(values):
    with pytest.raises(ValueError, match=r"presence|views|view|mapping"):
        LandmarkSettings.from_dict(values)


def test_settings_go_through_a_dictionary_unchanged(settings):
    assert LandmarkSettings.from_dict(settings.as_dict()) == settings
