"""`fer predict` and `fer models`."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fer import Predictor
from fer.emotions import EMOTIONS
from fer.export.measure import probabilities
from fer.inference import sources
from tests.inference.conftest import fer


@pytest.fixture
def crops(home, networks):
    """Three pictures that are said to be faces, and a file that is none; and what the network says of them."""
    _, network, faces = networks
    for number, face in enumerate(faces):
        Image.fromarray(face).save(f"{number}.png")
    Path("broken.png").write_bytes(b"no picture")
    return faces, probabilities(network, {"pixels": faces})


def test_every_format_holds_every_face(crops):
    _, expected = crops
    done = fer("predict", ".", "--no-detect", "--format", "json")
    assert done.exit_code == 1  # one of the four was no picture
    assert "broken.png is no readable image. " in done.stderr
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


def test_views_are_averaged(crops, networks):
    faces, expected = crops
    flipped = Predictor(detect=False, tta=2).predict_crops(faces)
    mirrored = np.ascontiguousarray(faces[..., ::-1])
    both = (expected + probabilities(networks[1], {"pixels": mirrored})) / 2
    np.testing.assert_allclose(flipped, both, atol=1e-4)


@pytest.mark.slow
def test_models_are_averaged_also_those_on_landmarks(photo, landmarks):
    alone = [Predictor([name]).predict(photo)[0].faces[0].probabilities for name in ("small", "points")]
    assert Predictor("small").networks[0].about.name == "small"
    both = Predictor(["small", "points"]).predict(photo)[0].faces[0]
    np.testing.assert_allclose(both.probabilities, np.mean(alone, axis=0), atol=1e-5)
    assert both.reasons == ()


def test_a_face_without_landmarks_is_left_out_of_a_landmark_model_s_share(home, landmarks):
    black, grey = np.zeros((48, 48), np.uint8), np.full((48, 48), 90, np.uint8)

    def answers(*models):
        return [photo.faces[0] for photo in Predictor(models, detect=False).predict([black, grey])]

    small, points, both = answers("small"), answers("points"), answers("small", "points")
    np.testing.assert_allclose(both[0].probabilities, small[0].probabilities, atol=1e-6)
    assert both[0].reasons == ()
    mean = (small[1].probabilities + points[1].probabilities) / 2
    np.testing.assert_allclose(both[1].probabilities, mean, atol=1e-6)
    # Where no model can answer, its answer is still given.
    assert points[0].reasons == ("no landmarks found",)
    assert points[0].quality < 0.5
    assert points[0].probabilities.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
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


@pytest.mark.slow
def test_what_is_no_face_gets_no_expression(home):
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    Image.fromarray(noise).save("noise.png")
    done = fer("predict", "noise.png")
    assert done.exit_code == 0
    assert "no face of 24 pixels or more was found" in done.stdout
    assert json.loads(fer("predict", "noise.png", "--format", "json").stdout)[0]["faces"] == []


def test_smaller_faces_than_asked_for_are_left_out(photo):
    done = fer("predict", photo, "--min-size", "200")
    assert "no face of 200 pixels or more was found; the largest has 8" in done.stdout
    assert "\n  1 smaller than 200 px (--min-size 8" in done.stdout


@pytest.mark.slow
def test_what_was_passed_over_is_said_in_every_format(photo):
    picture = Image.open(photo)
    pair = Image.new("RGB", (900, 640), "grey")
    pair.paste(picture, (0, 0))
    pair.paste(picture.resize((200, 200)), (650, 100))
    pair.save("pair.png")
    (line,) = [line for line in fer("predict", "pair.png", "--min-size", 60).stdout.splitlines() if "smaller" in line]
    said, size = re.fullmatch(r"  1 face; (1 smaller than 60 px \(--min-size (\d+) to read them\))", line).groups()
    for form in ("json", "jsonl", "csv"):
        assert f"Faces skipped: {said}\n" in fer("predict", "pair.png", "--format", form, "--min-size", 60).stderr
    answer = json.loads(fer("predict", "pair.png", "--format", "jsonl", "--min-size", 60).stdout)
    assert answer["too_small"] == 1
    assert int(answer["smallest"]) == int(size)
    answer = json.loads(fer("predict", "pair.png", "--format", "jsonl", "--min-size", size).stdout)
    assert (len(answer["faces"]), answer["too_small"], "smallest" in answer) == (2, 0, False)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("gone.png", "gone.png: there is no such file or folder."),
        ("*.webp", "*.webp: no image matches this pattern."),
        ("empty", "empty: there are no images in this folder."),
    ],
)
def test_a_path_without_images_says_why(crops, path, message):
    Path("empty").mkdir()
    done = fer("predict", path)
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [message]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("0.png", "--model", "large"), "There is no model 'large'. There are: points, small."),
        (("0.png", "--model", "gone.onnx"), "There is no file gone.onnx"),
        (("0.png", "--models", "gone"), "There is no folder gone"),
        (("0.png", "--top", "9"), "is not in the range"),
        (("0.png", "--max-megapixels", "nan"), "nan is not a finite number"),
        (("0.png", "--min-size", "inf"), "inf is not a finite number"),
        (("",), "a path is empty"),
        ((), "Missing argument"),
    ],
)
def test_a_wrong_call_ends_with_2_and_says_why(crops, arguments, message):
    done = fer("predict", *arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert message in done.stderr


def test_own_models_are_used_only_if_they_are_asked_for(crops, networks):
    folder = Path("models/onnx")
    folder.mkdir(parents=True)
    for name in ("small", "other"):
        (folder / f"{name}.onnx").write_bytes((networks[0] / "small.onnx").read_bytes())
    (folder / "broken.onnx").write_bytes(b"no network")
    assert "50.0% right" in fer("predict", "0.png", "--no-detect").stderr  # the package's, although there are own ones
    for arguments in (
        ("--models", folder),
        ("--models", folder, "--model", "other"),
        ("--model", folder / "other.onnx"),
    ):
        done = fer("predict", "0.png", "--no-detect", *arguments)
        assert done.exit_code == 0, done.output
        assert "small (float32, weights 000000000000, trained on fer2013)" in done.stderr
    done = fer("predict", "0.png", "--models", folder, "--model", "broken")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: models/onnx/broken.onnx is no model that this version of fer can use")
    assert len(done.stderr.splitlines()) == 1
    (folder / "small.onnx").unlink()
    done = fer("predict", "0.png", "--models", folder)  # which of several?
    assert done.exit_code == 2
    assert "Name a model with --model: broken, other." in done.stderr


def test_models_are_listed_and_a_broken_one_is_a_line(home):
    lines = fer("models").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["model", "points", "small"]
    assert "small (default)" in lines[2]
    assert lines[2].split()[2:7] == ["pixels", "fer2013", "float32", "50.0%", "50.0%"]
    own = Path("own")
    own.mkdir()
    (own / "bad.onnx").write_bytes(b"no network")
    assert fer("models", "--models", own).exit_code == 1
    (own / "good.onnx").write_bytes((home.parent / "package/small.onnx").read_bytes())
    done = fer("models", "--models", own)
    assert done.exit_code == 1
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["model", "good"]
    assert done.stderr.startswith("own/bad.onnx is no model")
    assert len(done.stderr.splitlines()) == 1
    (home.parent / "package/manifest.json").write_text("{}")
    done = fer("models")
    assert done.exit_code == 1
    assert "manifest.json, can't be read" in done.stderr


def test_paths_folders_and_patterns(tmp_path):
    for name in ("b.png", "deep/er/a.jpg", "deep/notes.txt", "deep/new.heic", "out/annotated/b.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    given = [
        str(tmp_path),
        str(tmp_path / "*.png"),
        "-",
        "gone.jpg",
        "~nobody-is-so/x",
        str(tmp_path / "deep/../b.png"),
    ]
    found, problems = sources.expand(given, lambda name: "annotated" in name)
    names = ("b.png", "deep/er/a.jpg", "deep/new.heic")
    assert found == [*(str(tmp_path / name) for name in names), "-"]
    assert [problem.name for problem in problems] == ["gone.jpg", "~nobody-is-so/x"]


def test_help_teaches():
    assert "fer predict holiday/ --format csv" in fer("predict", "--help").output
    assert "fer evaluate my_photos/" in fer("evaluate", "--help").output
