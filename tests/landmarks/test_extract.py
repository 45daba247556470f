import importlib.util
import multiprocessing
import os

import numpy as np
import pytest

from fer.errors import FerError
from fer.landmarks import extract, mesh


def _die(images, settings):
    os.write(2, b"F0000 00:00:00 tensor.cc:1] Check failed: no such tensor\n")
    os._exit(7)


def _fail(images, settings):
    raise FerError("MediaPipe does not start")


def test_nearly_all_drawn_faces_are_found(landmarks):
    assert landmarks.detected.mean() >= 0.95
    assert landmarks.xyz.dtype == np.float32
    assert landmarks.xyz.shape == (70, 478, 3)
    assert np.array_equal(landmarks.attempt > 0, landmarks.detected)


def test_coordinates_are_in_sides_of_the_face_image(landmarks):
    eyes = landmarks.xyz[landmarks.detected][:, [33, 263], :2].mean(axis=(0, 1))
    assert eyes == pytest.approx([0.5, 0.4], abs=0.08)


def test_workers_and_chunks_do_not_change_the_result(faces, landmarks, settings, monkeypatch, capfd):
    monkeypatch.setattr(extract, "CHUNK", 9)
    images = np.concatenate([faces.images[:20], np.zeros((1, 48, 48), np.uint8)])
    again = extract.extract(images, settings.model_copy(update={"workers": 2}))
    assert again.xyz[:20].tobytes() == landmarks.xyz[:20].tobytes()
    assert np.array_equal(again.attempt[:20], landmarks.attempt[:20])
    assert not again.detected[20], "a face in a black image"
    assert again.attempt[20] == 0
    assert not again.xyz[20].any()
    assert capfd.readouterr().err == "", "MediaPipe's notes reached the terminal"


def test_no_images(settings):
    assert len(extract.extract(np.zeros((0, 48, 48), np.uint8), settings)) == 0


def test_a_dying_worker_is_an_error_with_its_last_words(faces, settings, monkeypatch):
    monkeypatch.setattr(extract, "_find_chunk", _die)
    with pytest.raises(FerError, match=r"died \(F0000.*no such tensor"):
        extract.extract(faces.images[:4], settings)
    assert not multiprocessing.active_children()


def test_an_error_in_a_worker_comes_through(faces, settings, monkeypatch):
    monkeypatch.setattr(extract, "_find_chunk", _fail)
    with pytest.raises(FerError, match="does not start"):
        extract.extract(faces.images[:4], settings)


@pytest.mark.parametrize("installed", [False, True])
def test_without_mediapipe_or_its_model(installed, tmp_path, settings, monkeypatch):
    spec = importlib.util.spec_from_file_location("mediapipe", tmp_path / "__init__.py") if installed else None
    monkeypatch.setattr(mesh.importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(FerError, match="478-point" if installed else "not installed"):
        extract.extract(np.zeros((1, 48, 48), np.uint8), settings)


def test_saved_and_loaded(landmarks, tmp_path):
    landmarks.save(tmp_path / "a.npz")
    loaded = extract.Landmarks.load(tmp_path / "a.npz")
    assert np.array_equal(loaded.xyz, landmarks.xyz)
    assert np.array_equal(loaded.detected, landmarks.detected)
    loaded.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    np.savez(tmp_path / "c.npz", xyz=landmarks.xyz)
    with pytest.raises(FerError, match="holds no landmarks"):
        extract.Landmarks.load(tmp_path / "c.npz")
