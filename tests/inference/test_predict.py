"""`fer predict` and `fer models`, and the Predictor in Python."""

import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fer import Predictor
from fer.emotions import EMOTIONS
from fer.export.measure import answers
from fer.inference import sources
from tests.inference.conftest import ABOUT, fer
from tests.known_params import TOP


@pytest.fixture
def crops(home, networks):
    """Three pictures that are said to be faces, and a file that is none; and what the network says of them."""
    _, network, faces = networks
    for number, face in enumerate(faces):
        Image.fromarray(face).save(f"{number}.png")
    Path("broken.png").write_bytes(b"no picture")
    return faces, answers(network, faces)


def test_every_format_holds_every_face(crops):
    _, expected = crops
    done = fer("predict", ".", "--no-detect", "--format", "json")
    assert done.exit_code == 1  # one of the four was no picture
    assert done.stderr.startswith("broken.png is no readable image. ")
    assert "Answered by small (float32, weights 000000000000, 50.0% right on the test faces of fer2013)" in done.stderr
    photos = json.loads(done.stdout)
    assert [photo["file"] for photo in photos] == ["0.png", "1.png", "2.png"]
    found = [list(photo["faces"][0]["probabilities"].values()) for photo in photos]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    lines = fer("predict", "*.png", "--no-detect", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == photos
    table = pd.read_csv(io.StringIO(fer("predict", "0.png", "1.png", "--no-detect", "--format", "csv").stdout))
    np.testing.assert_allclose(table[list(EMOTIONS)], expected[:2], atol=1e-4)
    assert fer("predict", "0.png", "--no-detect").stdout.startswith("0.png\n   1  48x48 at 0,0 ")
    done = fer("predict", "-", "--no-detect", "--format", "json", input=Path("1.png").read_bytes())
    assert json.loads(done.stdout)[0]["file"] == "-"


def test_python_s_predictor_gives_the_same(crops):
    faces, expected = crops
    predictor = Predictor(detect=False)
    assert [network.about.name for network in predictor.networks] == ["small"]  # the better one on val
    np.testing.assert_allclose(predictor.predict_crops(faces), expected, atol=1e-4)
    photos = predictor.predict(["0.png", Path("1.png"), faces[2], Image.fromarray(faces[0]), "broken.png"])
    assert [photo.read for photo in photos] == [True, True, True, True, False]
    assert list(photos.as_frame()["expression"]) == [face.expression for photo in photos for face in photo.faces]
    with pytest.raises(ValueError, match="uint8"):
        predictor.predict_crops(faces.astype(float))


def test_views_are_averaged(crops, networks):
    faces, expected = crops
    flipped = Predictor(detect=False, tta=2).predict_crops(faces)
    both = (expected + answers(networks[1], np.ascontiguousarray(faces[..., ::-1]))) / 2
    np.testing.assert_allclose(flipped, both, atol=1e-4)


def test_models_are_averaged_also_those_on_landmarks(photo):
    alone = [Predictor([name]).predict(photo)[0].faces[0].probabilities for name in ("small", "points")]
    assert Predictor("small").networks[0].about.name == "small"
    both = Predictor(["small", "points"]).predict(photo)[0].faces[0]
    np.testing.assert_allclose(both.probabilities, np.mean(alone, axis=0), atol=1e-5)
    assert both.reasons == ()


def test_a_face_without_landmarks_says_so(home):
    face = Predictor(["points"], detect=False).predict(np.zeros((48, 48), np.uint8))[0].faces[0]
    assert face.reasons == ("no landmarks found",)
    assert face.quality < 0.5


def test_several_threads_get_the_same_answers(photo, home):
    predictor = Predictor(["small", "points"])
    picture = np.asarray(Image.open(photo).convert("L"))
    pictures = [np.ascontiguousarray(picture[:, shift : shift + 400]) for shift in (0, 30, 60, 90)]
    expected = [Predictor(["small", "points"]).predict(each)[0] for each in pictures]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda each: predictor.predict(each)[0], pictures * 3))
    for one, other in zip(found, expected * 3, strict=True):
        assert [face.box for face in one.faces] == [face.box for face in other.faces]
        np.testing.assert_allclose(one.faces[0].probabilities, other.faces[0].probabilities, atol=1e-6)


def test_the_face_of_a_photo_is_found_wherever_it_lies(photo):
    picture = Image.open(photo)
    wide = Image.new("RGB", (1900, 1200), "grey")
    wide.paste(picture, (900, 400))
    wide.save("wide.png")
    picture.rotate(25, Image.Resampling.BICUBIC).save("tilted.png")
    picture.crop((170, 40, 300, 200)).save("close.png")  # nothing around the face
    found = json.loads(fer("predict", "photo.jpg", "wide.png", "tilted.png", "close.png", "--format", "json").stdout)
    assert [len(each["faces"]) for each in found] == [1, 1, 1, 1]
    boxes = [list(each["faces"][0]["box"].values()) for each in found]
    np.testing.assert_allclose(boxes[1], np.add(boxes[0], (900, 400, 0, 0)), atol=8)
    np.testing.assert_allclose(boxes[3], np.add(boxes[0], (-170, -40, 0, 0)), atol=15)
    assert all(each["faces"][0]["score"] > 0.5 and each["faces"][0]["reasons"] == [] for each in found[:3])


def test_what_is_no_face_is_not_scored(home):
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    Image.fromarray(noise).save("noise.png")
    done = fer("predict", "noise.png")
    assert done.exit_code == 0
    assert "no face of 24 pixels or more was found" in done.stdout
    assert json.loads(fer("predict", "noise.png", "--format", "json").stdout)[0]["faces"] == []


def test_smaller_faces_than_asked_for_are_passed_over(photo):
    done = fer("predict", photo, "--min-size", "200")
    assert "no face of 200 pixels or more was found; the largest has 8" in done.stdout


def test_wrong_calls(crops):
    assert "There is no model 'large'. At hand: points, small" in fer("predict", "0.png", "--model", "large").output
    assert fer("predict", "0.png", "--top", "9").exit_code == 2
    assert fer("predict").exit_code == 2
    for wrong in ({"tta": 0}, {"batch_size": 0}, {"models": ["gone.onnx"]}):
        with pytest.raises(Exception, match=r"at least 1|gone\.onnx is missing"):
            Predictor(**wrong)
    Path("none.onnx").write_bytes(b"no network")
    assert (
        "none.onnx is no model that this version of fer can use"
        in fer("predict", "0.png", "--model", "none.onnx").output
    )


def test_models_are_listed(home):
    lines = fer("models").stdout.splitlines()
    assert lines[0].split() == ["model", "sees", "precision", "val", "test", "MB", "ms", "weights", "file"]
    assert lines[2].split()[:5] == ["small", "pixels", "float32", "50.0%", "50.0%"]
    assert lines[2].endswith("models/onnx/small.onnx")


def test_own_models_come_first_but_not_those_of_drawn_faces(home, networks, monkeypatch):
    import onnx

    from fer.export import onnx_file
    from fer.inference import registry

    monkeypatch.setattr(registry, "packaged", lambda: home / "packaged")
    (home / "packaged").mkdir()
    own = onnx.load("models/onnx/small.onnx")
    onnx.save(own, home / "packaged/small.onnx")
    assert registry.at_hand()["small"].path.parent.name == "packaged"
    for dataset, folder in (("fer2013", "onnx"), ("drawn", "packaged")):
        onnx_file.describe(own, ABOUT | {"weights": "1" * 64, "dataset": dataset})
        onnx.save(own, "models/onnx/small.onnx")
        assert registry.at_hand()["small"].path.parent.name == folder


def test_without_models_one_line_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fer.inference.registry.packaged", lambda: tmp_path)
    Image.new("L", (60, 60)).save("a.png")
    for command in (["predict", "a.png"], ["models"]):
        result = fer(*command)
        assert result.exit_code == 1
        assert "No models are at hand" in result.output


def test_who_predicts_has_imported_no_torch(photo):
    code = (
        "import sys\nfrom fer import Predictor, cli\nPredictor(['small', 'points']).predict('photo.jpg')\n"
        f"print([name for name in sys.modules if name in {('torch', 'lightning', 'dvc', 'sklearn')!r}])"
    )
    # In the photo's folder, whose models are at hand.
    here = os.environ | {"PYTHONPATH": str(TOP)}
    done = subprocess.run([sys.executable, "-c", code], env=here, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert done.stderr == ""


def test_paths_folders_and_patterns(tmp_path):
    for name in ("b.png", "deep/er/a.jpg", "deep/notes.txt", "out/annotated/b.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    given = [str(tmp_path), str(tmp_path / "*.png"), "-", "gone.jpg", "~nobody-is-so/x"]
    found, problems = sources.expand(given, output=tmp_path / "out")
    assert found == [str(tmp_path / "b.png"), str(tmp_path / "deep/er/a.jpg"), "-"]
    assert [problem.name for problem in problems] == ["gone.jpg", "~nobody-is-so/x"]


def test_help_teaches():
    assert "fer predict holiday/ --format csv" in fer("predict", "--help").output
    assert "fer evaluate my_photos/" in fer("evaluate", "--help").output
