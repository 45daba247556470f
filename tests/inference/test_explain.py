"""`fer explain` and `fer predict --explain`."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fer import Predictor, inputs
from fer.errors import FerError
from fer.export import half, int8, onnx_file
from fer.inference.explain import Explanation, placed
from fer.inference.faces import Face
from fer.inference.heat_picture import warmed
from fer.inference.network import Network
from fer.models.cnn import FaceCNN
from tests.conftest import ABOUT
from tests.inference.conftest import fer
from tests.inference.test_network import write
from tests.inference.test_terminal import ENVIRONMENT, MODULES
from tests.models.test_explained import LinearHead


@pytest.fixture(scope="module")
def explainable(tmp_path_factory):
    """The file of a network on pixels with a feature map of 2 x 2 places, and the network itself."""
    path = tmp_path_factory.mktemp("explainable") / "mapped.onnx"
    torch.manual_seed(0)
    network = FaceCNN(backbone="timm:test_resnet", hidden=8, dropout=0.0, image_size=64).eval()
    network.temperature = 0.5
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)
    onnx_file.write(path, network, {"pixels": faces}, ABOUT)
    return path, network, faces


@pytest.mark.slow
def test_a_file_holds_what_class_activation_maps_are_made_of(explainable):
    path, network, faces = explainable
    file = Network(path)
    assert file.has_feature_map
    with torch.no_grad():
        logits, features, weights = network.explained(pixels=torch.from_numpy(faces))
    np.testing.assert_allclose(file.probabilities({"pixels": faces}), (logits / 0.5).softmax(1), atol=1e-5)
    found = file.feature_map({"pixels": faces}, inputs.poses(("pixels",))[0])
    np.testing.assert_allclose(found[0], features, atol=1e-4)
    np.testing.assert_allclose(found[1], weights / 0.5, atol=1e-5)  # of the logits as softmax takes them


@pytest.mark.parametrize("write_smaller", [int8.write, half.write])
def test_a_file_of_fewer_bits_has_nearly_the_same_maps(explainable, tmp_path, write_smaller):
    path, _, faces = explainable
    write_smaller(path, tmp_path / "small.onnx")
    view = inputs.poses(("pixels",))[0]
    expected, found = (Network(file).feature_map({"pixels": faces}, view) for file in (path, tmp_path / "small.onnx"))
    for exact, rough in zip(expected, found, strict=True):
        assert 0 < np.abs(exact - rough).max() < 0.1 * np.abs(exact).max()


def test_a_linear_head_is_explained_exactly_by_its_file(tmp_path):
    torch.manual_seed(0)
    network, faces = LinearHead().eval(), np.random.default_rng(0).integers(0, 256, (4, 48, 48), np.uint8)
    onnx_file.write(tmp_path / "linear.onnx", network, {"pixels": faces}, ABOUT)
    file = Network(tmp_path / "linear.onnx")
    features, weights = file.feature_map({"pixels": faces}, inputs.poses(("pixels",))[0])
    means = np.einsum("nkc,nchw->nkhw", weights, features).mean(axis=(2, 3))
    logits = means + network.head.bias.detach().numpy()
    np.testing.assert_allclose(torch.from_numpy(logits).softmax(1), file.probabilities({"pixels": faces}), atol=1e-5)


def test_prediction_asks_for_no_feature_map(explainable):
    path, _, faces = explainable
    file, asked = Network(path), []
    run = file._session.run

    class Recorded:
        def run(self, names, arguments):
            asked.append((names, set(arguments)))
            return run(names, arguments)

    file._session = Recorded()
    file.probabilities({"pixels": faces}, views=2)
    assert asked == [(["probabilities"], {"pixels", "pose"})] * 2
    # And what it does not ask for is not computed, although onnxruntime computes every output.
    assert run(["channel_weights"], {"pixels": faces})[0].size == 0


OUTPUTS = [
    (["probabilities", "features", "channel_weights"], "it lacks the outputs channel_weights, features that its"),
    (["probabilities", "features"], "its outputs is not"),
    (["features"], "its outputs is not"),
    ("features", "its outputs is not"),
    (None, "its outputs is not"),
]


@pytest.mark.parametrize(("outputs", "reason"), OUTPUTS)
def test_odd_outputs_are_one_line(tmp_path, outputs, reason):
    with pytest.raises(FerError, match=reason):
        Network(write(tmp_path / "a.onnx", ABOUT | {"outputs": outputs}))


def test_an_output_that_the_metadata_does_not_name_is_no_feature_map(tmp_path, explainable):
    import onnx

    model = onnx.load(explainable[0])
    onnx_file.describe(model, ABOUT)
    onnx.save(model, tmp_path / "old.onnx")
    assert not Network(tmp_path / "old.onnx").has_feature_map


def test_class_activation_maps_are_averaged_over_the_views(explainable):
    path, _, faces = explainable

    def found(face, tta):
        with Predictor(path, tta=tta, detect=False, explain="cam") as predictor:
            [explanation] = predictor.predict(face)[0].faces[0].explanations
        return explanation

    one, both, mirrored = found(faces[0], 1), found(faces[0], 2), found(faces[0][:, ::-1].copy(), 1)
    assert (one.method, one.input, one.points) == ("cam", "pixels", None)
    assert one.maps.shape == (7, 48, 48)
    np.testing.assert_allclose(both.maps, (one.maps + mirrored.maps[..., ::-1]) / 2, atol=0.02 * np.abs(one.maps).max())
    np.testing.assert_array_equal(one.crop, faces[0])


@pytest.mark.slow
def test_every_face_gets_a_picture(photo, explainable):
    shutil.copy(photo, "again.jpg")
    Path("broken.png").write_bytes(b"no picture")
    done = fer("explain", photo, "again.jpg", "broken.png", "--output", "why", "--model", explainable[0])
    assert done.exit_code == 1  # one of the three was no picture
    assert "broken.png is no readable image. " in done.stderr
    assert "Saved in why: explained/ (2 pictures)" in done.stderr
    assert done.stdout.count("88x119 at 182,58") == 2
    names = sorted(path.name for path in Path("why/explained").iterdir())
    assert names == ["again-1.png", "photo-1.png"]
    picture = np.asarray(Image.open("why/explained/photo-1.png").convert("RGB")).astype(int)
    assert picture.shape[1] > 3 * 200
    assert np.ptp(picture, axis=2).max() > 100  # there is colour


@pytest.mark.slow
@pytest.mark.parametrize("model", ["small", "points"])
def test_a_model_without_a_feature_map_is_explained_by_occlusion(photo, landmarks, model):
    with Predictor(model, explain="occlusion") as predictor:
        face = predictor.predict(photo)[0].faces[0]
    [explanation] = face.explanations
    assert explanation.method == "occlusion"
    assert np.isfinite(explanation.maps).all()
    assert np.abs(explanation.maps[:, 1:-1, 1:-1]).max() > 0
    assert (explanation.points is None) == (model == "small") == (not explanation.areas)
    assert fer("explain", photo, "--model", model, "--output", "why").exit_code == 0


def test_a_face_without_landmarks_has_no_explanation_by_them(home, landmarks):
    Image.new("L", (48, 48)).save("black.png")
    done = fer("explain", "black.png", "--no-detect", "--model", "points", "--output", "why")
    assert done.exit_code == 0
    assert "No face could be explained, so nothing was saved in why." in done.stderr
    assert not Path("why").exists()


WRONG = [
    (("explain", "face.png"), "--output is required: name a folder for the pictures."),
    (("explain", "face.png", "--output", "why", "--method", "cam"), "The file of small gives no feature map"),
    (("explain", "face.png", "--output", "why", "--method", "magic"), "is not one of"),
    (
        ("explain", "face.png", "--output", "why", "--model", "small", "--model", "points"),
        "One model can be explained at a time, not the mean of small, points.",
    ),
    (("predict", "face.png", "--explain"), "--explain needs annotated photos: add --output DIR or --show"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_a_wrong_call_says_why(home, arguments, message):
    Image.new("L", (48, 48)).save("face.png")
    done = fer(*arguments, "--no-detect")
    assert done.exit_code == 2
    assert message in done.stderr
    assert not Path("why").exists()


def test_python_is_told_what_methods_there_are(home):
    with pytest.raises(FerError, match="There is no method 'magic'"):
        Predictor(explain="magic")


@pytest.mark.slow
def test_annotated_copies_show_the_map_over_the_face_and_nowhere_else(photo, explainable):
    for folder, more in (("plain", ()), ("warm", ("--explain",))):
        done = fer("predict", photo, "--output", folder, "--model", explainable[0], *more, "--format", "json")
        assert done.exit_code == 0
    plain, warm = (np.asarray(Image.open(f"{folder}/annotated/photo.jpg")).astype(int) for folder in ("plain", "warm"))
    changed = np.abs(plain - warm).max(axis=2) > 40
    rows, columns = np.nonzero(changed)
    assert changed.sum() > 500
    # The crop of the face at 182,58, which is 88 x 119 large, in a copy that is larger by a quarter.
    assert 80 < rows.min() < rows.max() < 215
    assert 215 < columns.min() < columns.max() < 350


def test_a_map_lies_where_its_crop_was_cut():
    maps = np.zeros((7, 48, 48), np.float32)
    maps[3, 12, 36] = 1  # right of the middle, above it
    place = placed(np.array([100.0, 60.0]), 40, 90)  # the face is turned by a quarter, clockwise
    explanation = Explanation("pixels", "cam", np.zeros((48, 48), np.uint8), maps, place, None, {})
    face = Face((80, 40, 40, 40), 1.0, np.eye(7, dtype=np.float32)[3], explanations=(explanation,))
    for scale in (1.0, 2.0):
        grey = Image.new("RGB", (round(200 * scale), round(120 * scale)), (128, 128, 128))
        changed = np.abs(np.asarray(warmed(grey, [face], scale)).astype(int) - 128).sum(axis=2)
        row, column = np.unravel_index(changed.argmax(), changed.shape)
        # Right and up in the crop is down and right in the photo.
        assert row == pytest.approx(scale * 70, abs=1 + scale)
        assert column == pytest.approx(scale * 110, abs=1 + scale)
    outside = Face((0, 0, 9, 9), 1.0, face.probabilities, explanations=(explanation,))
    warmed(Image.new("RGB", (20, 20)), [outside])  # a crop that reaches beyond the photo does no harm


def test_what_speaks_against_the_runner_up_is_warm_and_what_speaks_for_both_is_not():
    maps = np.zeros((7, 48, 48), np.float32)
    maps[3], maps[4, 24:] = 0.5, -1  # happy everywhere alike; neutral loses by the lower half
    explanation = Explanation(
        "pixels", "occlusion", np.zeros((48, 48), np.uint8), maps, placed(np.array([24.0, 24.0]), 48, 0), None, {}
    )
    chances = np.array([0, 0, 0, 0.9, 0.1, 0, 0], np.float32)
    face = Face((0, 0, 48, 48), 1.0, chances, explanations=(explanation,))
    drawn = np.asarray(warmed(Image.new("RGB", (48, 48), (128, 128, 128)), [face])).astype(int)
    warmth = (drawn[..., 0] - drawn[..., 2])[8:40, 8:40]
    assert warmth[20:].min() > 2 * warmth[:12].max() > 0


@pytest.mark.slow
def test_the_base_install_is_enough(home, explainable):
    Image.fromarray(explainable[2][0]).save("face.png")
    arguments = ["explain", "face.png", "--no-detect", "--output", "why", "--model", str(explainable[0])]
    code = (
        "import sys\nfrom fer.cli import main\n"
        f"sys.modules.update(dict.fromkeys({MODULES}))\n"  # any import of these fails
        f"main({arguments!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert Path("why/explained/face-1.png").is_file()
    assert "fer explain party.jpg --output why/" in fer("explain", "--help").output
