"""The command `fer` and its Predictor, with a small model that was never trained."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from fer import Predictor, cli
from fer.emotions import EMOTIONS
from fer.export.measure import answers
from fer.inference import sources
from fer.inference.crop import Found, cut, frame
from fer.inference.detect import merged
from fer.inference.sources import Picture, Problem


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a photo of nobody, and a small network on pixels that was never trained."""
    import torch

    from fer import models
    from fer.export import onnx_file

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fer.inference.registry.packaged", lambda: tmp_path / "nothing")
    torch.manual_seed(0)
    network = models.network("cnn")(backbone="timm:test_resnet", hidden=8, dropout=0.0, image_size=32).eval()
    about = {"name": "small", "sees": "pixels", "weights": "0" * 64, "precision": "float32", "val": 0.5, "test": 0.5}
    about |= {"dataset": "drawn", "version": "0", "licence": "MIT", "emotions": list(EMOTIONS)}
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)
    onnx_file.write(Path("models/onnx/small.onnx"), network, faces, about)
    for number, face in enumerate(faces):
        Image.fromarray(face).save(f"{number}.png")
    Path("broken.png").write_bytes(b"no picture")
    return network, faces


def predict(*arguments, **options):
    return CliRunner().invoke(cli.main, ["predict", *arguments], **options)


def test_every_format_holds_every_face(project):
    network, faces = project
    expected = answers(network, faces)
    done = predict(".", "--no-detect", "--format", "json")
    assert done.exit_code == 1  # one of the four was no picture
    assert done.stderr.startswith("broken.png is no readable image. ")
    assert "Answered by small (float32, weights 000000000000, 50.0% right on the test faces of drawn)" in done.stderr
    photos = json.loads(done.stdout)
    assert [photo["file"] for photo in photos] == ["0.png", "1.png", "2.png"]
    found = [list(photo["faces"][0]["probabilities"].values()) for photo in photos]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    lines = predict("*.png", "--no-detect", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == photos
    table = pd.read_csv(io.StringIO(predict("0.png", "1.png", "--no-detect", "--format", "csv").stdout))
    np.testing.assert_allclose(table[list(EMOTIONS)], expected[:2], atol=1e-4)
    read = predict("0.png", "--no-detect").stdout
    assert read.startswith("0.png\n   1  48x48 at 0,0 ")
    assert predict("-", "--no-detect", "--format", "json", input=Path("1.png").read_bytes()).exit_code == 0


def test_python_s_predictor_gives_the_same(project):
    network, faces = project
    predictor = Predictor(detect=False)
    assert len(predictor.networks) == 1
    np.testing.assert_allclose(predictor.predict_crops(faces), answers(network, faces), atol=1e-4)
    photos = predictor.predict(["0.png", Path("1.png"), faces[2], Image.fromarray(faces[0]), "broken.png"])
    assert [photo.read for photo in photos] == [True, True, True, True, False]
    assert list(photos.as_frame()["expression"]) == [face.expression for photo in photos for face in photo.faces]
    flipped = Predictor(detect=False, tta=2).predict_crops(faces)
    both = (answers(network, faces) + answers(network, np.ascontiguousarray(faces[..., ::-1]))) / 2
    np.testing.assert_allclose(flipped, both, atol=1e-4)


def test_a_photo_without_a_face_says_so(project):
    done = predict("0.png")
    assert done.exit_code == 0
    assert "no face of 24 pixels or more was found" in done.stdout
    assert json.loads(predict("0.png", "--format", "json").stdout)[0]["faces"] == []


def test_wrong_calls(project):
    assert "There is no model 'large'. At hand: small" in predict("0.png", "--model", "large").output
    assert predict("0.png", "--top", "9").exit_code == 2
    assert predict().exit_code == 2
    assert "small        pixels" in CliRunner().invoke(cli.main, ["models"]).output


def test_without_models_one_line_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fer.inference.registry.packaged", lambda: tmp_path)
    Image.new("L", (60, 60)).save("a.png")
    for command in (["predict", "a.png"], ["models"]):
        result = CliRunner().invoke(cli.main, command)
        assert result.exit_code == 1
        assert "No models are at hand" in result.output


def test_what_predicts_needs_no_torch():
    code = "import sys; from fer import Predictor; from fer import cli; print([m for m in sys.modules if m in %r])"
    heavy = ("torch", "lightning", "dvc", "pandas", "matplotlib")
    done = subprocess.run([sys.executable, "-c", code % (heavy,)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_paths_folders_and_patterns(tmp_path):
    for name in ("b.png", "deep/er/a.jpg", "deep/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    found, problems = sources.expand([str(tmp_path), str(tmp_path / "*.png"), "-", "gone.jpg", "~nobody-is-so/x"])
    assert found == [str(tmp_path / "b.png"), str(tmp_path / "deep/er/a.jpg"), "-"]
    assert [problem.name for problem in problems] == ["gone.jpg", "~nobody-is-so/x"]


def test_pictures_are_read_upright_and_grey(tmp_path):
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:, :20] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera on its side
    Image.fromarray(picture).save(tmp_path / "a.jpg", exif=exif, quality=95)
    found = sources.read(str(tmp_path / "a.jpg"))
    assert isinstance(found, Picture)
    assert found.grey.shape == (40, 20)
    assert found.grey[5, 10] == pytest.approx(76, abs=3)  # ITU-R 601's luma of red
    assert found.grey[35, 10] == pytest.approx(0, abs=3)
    (tmp_path / "b.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:300])
    problem = sources.read(str(tmp_path / "b.jpg"))
    assert isinstance(problem, Problem)
    assert problem.reason.endswith("b.jpg is no readable image. Replace or remove it and run again.")


@pytest.mark.parametrize("degrees", [0, 25, -40])
@pytest.mark.parametrize("apart", [8, 17, 60, 400])
def test_a_cut_face_has_its_eyes_where_fer2013_has_them(degrees, apart):
    side = 1400
    photo = np.zeros((side, side), np.uint8)
    middle, turn = np.array([800.0, 600.0]), np.deg2rad(degrees)
    half = np.array([np.cos(turn), np.sin(turn)]) * apart / 2
    eyes = np.stack([middle - half, middle + half])
    radius = max(1, apart // 10)
    rows, columns = np.mgrid[:side, :side]
    for x, y in eyes:
        photo[np.hypot(columns - x, rows - y) <= radius] = 255
    width = apart * 2.2
    face = Found((middle[0] - width / 2, middle[1] - width / 3, width, width), 0.9, eyes)
    assert frame(face)[1] == pytest.approx(apart / 0.36)
    crop = cut(photo, face).astype(float)
    for left, expected in ((True, 0.32), (False, 0.68)):
        part = crop.copy()
        part[:, 24:] *= not left
        part[:, :24] *= left
        place = np.array([(part * axis).sum() for axis in np.mgrid[:48, :48]]) / part.sum()
        assert (place[1] + 0.5) / 48 == pytest.approx(expected, abs=0.015)
        assert (place[0] + 0.5) / 48 == pytest.approx(0.39, abs=0.015)


def test_boxes_of_one_face_are_merged_and_the_largest_comes_first():
    found = [Found((0, 0, 10, 10), 0.6), Found((1, 1, 10, 10), 0.9), Found((50, 50, 30, 30), 0.7)]
    assert [face.box[0] for face in merged(found)] == [50, 1]


def test_help_teaches():
    result = CliRunner().invoke(cli.main, ["predict", "--help"])
    assert "fer predict holiday/ --format csv" in result.output
