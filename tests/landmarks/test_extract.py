import importlib.util
import multiprocessing
import os

import cv2
import numpy as np
import pytest

from fer.errors import FerError
from fer.landmarks import extract, mesh
from fer.landmarks.normalize import normalize
from fer.models import inputs


def _die(images, settings):
    os.write(2, b"F0000 00:00:00 tensor.cc:1] Check failed: no such tensor\n")
    os._exit(7)


def _fail(images, settings):
    raise FerError("MediaPipe does not start")


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
    with mesh.Mesh(settings.confidence) as graph:
        for row in (0, 3):
            found = [graph.find(faces.images[row], view) for view in settings.views]
            mean = np.mean([normalize(points, np.array(True)) for points in found], axis=0)
            np.testing.assert_allclose(landmarks.points[row], mean, atol=1e-5)


def test_a_mirrored_view_gives_points_where_the_face_has_them(faces, settings):
    plain, mirrored = settings.views
    assert mirrored.mirrored
    with mesh.Mesh(settings.confidence) as graph:
        one, other = (graph.find(faces.images[0], view) for view in (plain, mirrored))
    assert np.abs(one[:, :2] - other[:, :2]).mean() < 0.02
    assert np.abs(one[:, 0] - (1 - other[:, 0])).mean() > 0.1


@pytest.mark.parametrize("side", [32, 96, 224])
def test_faces_of_any_size(faces, landmarks, settings, side):
    images = np.stack([cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC) for face in faces.images[:6]])
    found = extract.extract(images, settings)
    both = found.detected & landmarks.detected[:6]
    assert both.sum() >= 5
    assert np.abs(found.points[both] - landmarks.points[:6][both]).mean() < 0.05


def test_workers_and_chunks_do_not_change_the_result(faces, landmarks, settings, monkeypatch, capfd):
    monkeypatch.setattr(extract, "CHUNK", 9)
    images = np.concatenate([faces.images[:20], np.zeros((1, 48, 48), np.uint8)])
    again = extract.extract(images, settings.model_copy(update={"workers": 2}))
    assert again.points[:20].tobytes() == landmarks.points[:20].tobytes()
    assert np.array_equal(again.views[:20], landmarks.views[:20])
    assert again.views[20] == 0, "a face in a black image"
    assert np.isnan(again.points[20]).all()
    assert capfd.readouterr().err == "", "MediaPipe's notes reached the terminal"


def test_one_function_makes_what_the_models_see(faces, landmarks, settings):
    assert inputs.landmarks(faces.images[:5], settings).tobytes() == landmarks.points[:5].tobytes()
    assert np.array_equal(inputs.known(landmarks.points), landmarks.detected)
    assert np.array_equal(inputs.pixels(faces.images[:5]), faces.images[:5])
    for wrong in (faces.images[0], faces.images.astype(np.float32), faces.images[:, :40]):
        with pytest.raises(ValueError, match="uint8"):
            inputs.pixels(wrong)


def test_no_images(settings):
    assert len(extract.extract(np.zeros((0, 48, 48), np.uint8), settings)) == 0


def test_a_dying_worker_is_an_error_with_its_last_words(faces, settings, monkeypatch):
    monkeypatch.setattr(extract, "_average_chunk", _die)
    with pytest.raises(FerError, match=r"died \(F0000.*no such tensor"):
        extract.extract(faces.images[:4], settings)
    assert not multiprocessing.active_children()


def test_an_error_in_a_worker_comes_through(faces, settings, monkeypatch):
    monkeypatch.setattr(extract, "_average_chunk", _fail)
    with pytest.raises(FerError, match="does not start"):
        extract.extract(faces.images[:4], settings)


@pytest.mark.parametrize("installed", [False, True])
def test_without_mediapipe_or_its_model(installed, tmp_path, settings, monkeypatch):
    spec = importlib.util.spec_from_file_location("mediapipe", tmp_path / "__init__.py") if installed else None
    monkeypatch.setattr(mesh.importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(FerError, match="478-point" if installed else "not installed"):
        extract.extract(np.zeros((1, 48, 48), np.uint8), settings)


def test_saved_and_loaded(landmarks, tmp_path):
    landmarks.save(tmp_path / "a")
    loaded = extract.Landmarks.load(tmp_path / "a")
    assert isinstance(loaded.points, np.memmap)
    assert loaded.points.tobytes() == landmarks.points.tobytes()
    assert np.array_equal(loaded.views, landmarks.views)
    loaded.save(tmp_path / "b")
    for name in ("points.npy", "views.npy"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    np.save(tmp_path / "b" / "views.npy", landmarks.views[:5])
    with pytest.raises(FerError, match="holds no landmarks"):
        extract.Landmarks.load(tmp_path / "b")
    (tmp_path / "b" / "points.npy").unlink()
    with pytest.raises(FerError, match=r"points\.npy is missing"):
        extract.Landmarks.load(tmp_path / "b")
