"""The Predictor in Python."""

import io
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFile

from fer import Predictor
from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.export.measure import probabilities
from fer.inference.faces import Photos
from fer.inference.frame import Frame
from fer.inference.model_average import ModelAverage
from tests.known_params import TOP


@pytest.fixture
def faces(home, networks):
    for number, face in enumerate(networks[2]):
        Image.fromarray(face).save(f"{number}.png")
    return networks[2]


def test_paths_arrays_and_images_give_the_same(faces, networks):
    expected = probabilities(networks[1], {"pixels": faces})
    predictor = Predictor(detect=False)
    assert [network.about.name for network in predictor.networks] == ["small"]  # the default of the package
    np.testing.assert_allclose(predictor.predict_crops(faces), expected, atol=1e-4)
    Path("broken.png").write_bytes(b"no picture")
    photos = predictor.predict(["0.png", Path("1.png"), faces[2], Image.fromarray(faces[0]), "broken.png", None, b"x"])
    assert [photo.read for photo in photos] == [True, True, True, True, False, False, False]
    found = [photo.faces[0].probabilities for photo in photos[:4]]
    np.testing.assert_allclose(found, expected[[0, 1, 2, 0]], atol=1e-4)
    table = photos[:3].as_frame()
    assert list(table["expression"]) == [photo.faces[0].expression for photo in photos[:3]]
    with pytest.raises(ValueError, match="uint8"):
        predictor.predict_crops(faces.astype(float))


@pytest.mark.parametrize(
    "several",
    [
        lambda: ("0.png", "1.png"),
        lambda: {"0.png", Path("1.png")},
        lambda: pd.Series(["0.png", "1.png"], index=[5, 9]),
        lambda: np.array(["0.png", Path("1.png")], object),
        lambda: (name for name in ("0.png", "1.png")),
        lambda: np.zeros((2, 48, 48, 3), np.uint8),
    ],
)
def test_several_pictures_may_come_in_any_collection(faces, several):
    photos = Predictor(detect=False).predict(several())
    assert isinstance(photos, Photos)
    assert [photo.read for photo in photos] == [True, True]


def test_one_picture_is_one_photo(faces, monkeypatch):
    predictor = Predictor(detect=False)
    for one in ("0.png", Path("0.png"), faces[0], Image.fromarray(faces[0]), Frame("x", np.zeros((9, 9, 3), np.uint8))):
        assert len(predictor.predict(one)) == 1
    monkeypatch.setenv("HOME", str(Path.cwd()))
    assert predictor.predict("~/0.png")[0].read


def test_a_file_or_its_content_is_one_picture(faces):
    predictor = Predictor(detect=False)
    expected = predictor.predict("0.png")[0].faces[0].probabilities
    content = Path("0.png").read_bytes()
    with open("0.png", "rb") as file:
        for picture in (content, bytearray(content), io.BytesIO(content), file):
            [photo] = predictor.predict(picture)
            np.testing.assert_array_equal(photo.faces[0].probabilities, expected)
    with open("0.png", encoding="latin-1") as file:
        [photo] = predictor.predict(file)
    assert photo.problem == "0.png gives no bytes when it is read. Open it in binary mode."
    [photo] = predictor.predict(io.BytesIO(b"no picture"))
    assert photo.problem.startswith("image 0 is no readable image")


def test_no_name_stands_for_standard_input(faces, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert Predictor(detect=False).predict("-")[0].problem.startswith("- can't be read (No such file")
    assert Predictor(detect=False).predict("")[0].problem == "A path is empty."


def test_models_may_be_paths(faces, home):
    file = home.parent / "package/small.onnx"
    for models in (file, str(file), [file], Path("~") / file):
        assert Predictor(models, detect=False).networks[0].path == file
    assert Predictor("small", models_folder=file.parent).networks[0].test_accuracy is None


def test_a_picture_that_can_t_be_used_leaves_the_others_alone(faces):
    truncated = Path("0.png").read_bytes()[:-900]
    Path("cut.png").write_bytes(truncated)
    empty, long = np.zeros((0, 0), np.uint8), np.zeros((1, 2_000_000), np.uint8)
    photos = Predictor().predict([Image.open("cut.png"), empty, long, long.T, faces[0], "x" * 5000])
    assert [photo.read for photo in photos] == [False, False, False, False, True, False]
    assert all("\n" not in photo.problem and len(photo.problem) < 6000 for photo in photos)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_what_fails_while_a_picture_is_worked_on_is_its_problem(faces, monkeypatch):
    original = ModelAverage.probabilities

    def fail_on_white(self, crops):
        if (crops == 255).all(axis=(1, 2)).any():
            raise RuntimeError("white\nis too bright")
        return original(self, crops)

    monkeypatch.setattr(ModelAverage, "probabilities", fail_on_white)
    white = np.full((48, 48), 255, np.uint8)
    photos = Predictor(detect=False).predict([faces[0], white, faces[1]])
    assert [len(photo.faces) for photo in photos] == [1, 0, 1]
    assert photos[1].problem == "image 1 can't be processed (white is too bright)."
    assert not photos[1].read


@pytest.mark.slow
def test_megapixels_hold_for_arrays_and_can_exceed_pillow_s_own_limit(home, monkeypatch, recwarn):
    big = np.zeros((1200, 1000), np.uint8)
    assert "at most 1 megapixels" in Predictor(megapixels=1).predict(big)[0].problem
    assert "at most 1 megapixels" in Predictor(megapixels=1).predict(Image.fromarray(big))[0].problem
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400_000)
    Image.fromarray(big).save("big.png")
    assert Predictor(megapixels=2).predict("big.png")[0].read
    assert not recwarn.list


@pytest.mark.parametrize(
    "wrong",
    [
        {"tta": 0},
        {"tta": 1.5},
        {"tta": "8"},
        {"tta": 19},
        {"batch_size": 0},
        {"threads": 0},
        {"megapixels": float("nan")},
        {"min_size": float("nan")},
        {"models": "gone"},
    ],
)
def test_wrong_arguments_are_one_line(home, wrong):
    with pytest.raises(FerError):
        Predictor(**wrong)


def test_faces_have_names_for_their_probabilities_and_can_be_compared(faces):
    one, other = Predictor(detect=False).predict([faces[0], faces[0]])
    face = one.faces[0]
    assert face == other.faces[0]
    assert len({face, other.faces[0]}) == 1
    assert face != Predictor(detect=False).predict(faces[1])[0].faces[0]
    assert list(face.scores) == list(EMOTIONS)
    assert face.scores[face.expression] == face.probabilities.max()
    assert face.runner_up == sorted(face.scores, key=lambda emotion: -face.scores[emotion])[1]
    assert all(type(value) is float for value in (*face.box, *face.scores.values()))


def test_frames_are_kept_only_if_they_are_asked_for(faces):
    predictor = Predictor(detect=False)
    assert predictor.predict(faces[0])[0].frame is None
    kept = predictor.predict(faces[0], keep_frames=True)[0].frame
    assert (kept.grey() == faces[0]).all()
    frames = [Frame(f"video at {number}", np.zeros((9, 9, 3), np.uint8), number / 25) for number in range(3)]
    assert [photo.time for photo in predictor.stream(frames)] == [0, 0.04, 0.08]


def test_an_iterable_may_use_one_object_for_all_its_pictures():
    image = Image.new("L", (48, 48))
    array = np.zeros((48, 48), np.uint8)

    def pictures():
        for shade in range(0, 200, 20):
            image.paste(shade, (0, 0, 48, 48))
            array[:] = shade + 10
            yield image
            yield array

    photos = Predictor(detect=False).predict(pictures(), keep_frames=True)
    assert [int(photo.frame.grey()[0, 0]) for photo in photos] == list(range(0, 200, 10))


def test_it_can_be_closed(faces):
    with Predictor(detect=False) as predictor:
        predictor.predict(faces[0])
    for use in (lambda: predictor.predict(faces[0]), lambda: predictor.predict_crops(faces)):
        with pytest.raises(ValueError, match="closed"):
            use()
    predictor.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fer-read")]


@pytest.mark.slow
def test_type_checkers_of_other_projects_see_the_types(tmp_path):
    script = "from fer import Predictor\nreveal_type(Predictor().predict('a.jpg')[0].faces)\n"
    (tmp_path / "user.py").write_text(script)
    command = [sys.executable, "-m", "mypy", "--strict", "user.py"]
    there = os.environ | {"MYPYPATH": str(TOP)}  # mypy does not find an editable installation
    done = subprocess.run(command, cwd=tmp_path, env=there, capture_output=True, text=True, check=False)
    assert (TOP / "fer/py.typed").is_file()
    assert 'Revealed type is "list[fer.inference.faces.Face]"' in done.stdout.replace("builtins.", ""), done.stdout


@pytest.mark.slow
def test_several_threads_get_the_same_answers(photo, landmarks):
    predictor = Predictor(["small", "points"])
    picture = np.asarray(Image.open(photo).convert("L"))
    pictures = [np.ascontiguousarray(picture[:, shift : shift + 400]) for shift in (0, 60)]
    expected = [Predictor(["small", "points"]).predict(each)[0] for each in pictures]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda each: predictor.predict(each)[0], pictures * 4))
    for one, other in zip(found, expected * 4, strict=True):
        assert [face.box for face in one.faces] == [face.box for face in other.faces]
        np.testing.assert_allclose(one.faces[0].probabilities, other.faces[0].probabilities, atol=1e-6)


def test_a_table_needs_pandas_and_says_so(faces, monkeypatch):
    photos = Predictor(detect=False).predict(faces[0])
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(FerError, match=r"pip install '\.\[evaluate\]'"):
        photos.as_frame()
