"""`fer predict --model ensemble`: the weighted mean of exported models."""

import json
from pathlib import Path

import numpy as np
import pytest

from fer import Predictor
from fer.errors import FerError
from tests.inference.conftest import fer

GREY, BLACK = np.full((48, 48), 90, np.uint8), np.zeros((48, 48), np.uint8)


@pytest.fixture
def package(home):
    """The package, with an ensemble of its two models."""
    folder = home.parent / "package"
    (folder / "team.json").write_text(json.dumps({"members": {"small": 0.8, "points": 0.2}}))
    manifest = json.loads((folder / "manifest.json").read_text())
    entry = {"file": "team.json", "inputs": ["pixels", "landmarks"], "val": 0.7, "test": 0.6, "dataset": "fer2013"}
    (folder / "manifest.json").write_text(json.dumps(manifest | {"default": "team", "ensembles": {"team": entry}}))
    return folder


def answers(*models, **options):
    """The probabilities of a grey face, which has landmarks, and of a black one, which has none."""
    photos = Predictor(models, detect=False, **options).predict([GREY, BLACK])
    return np.array([photo.faces[0].probabilities for photo in photos])


def test_the_weights_decide_and_a_member_without_landmarks_is_left_out(package, landmarks):
    small, points = answers("small"), answers("points")
    expected = np.array([0.8 * small[0] + 0.2 * points[0], small[1]])
    np.testing.assert_allclose(answers("team"), expected, atol=1e-6)
    np.testing.assert_allclose(answers(), expected, atol=1e-6)  # it is the default
    np.testing.assert_allclose(answers("team", models_folder=package), expected, atol=1e-6)
    np.testing.assert_allclose(answers(package / "team.json"), expected, atol=1e-6)


def test_beside_another_model_an_ensemble_is_one_of_two(package, landmarks):
    small, points = answers("small"), answers("points")
    np.testing.assert_allclose(answers("team", "points")[0], 0.4 * small[0] + 0.6 * points[0], atol=1e-6)
    assert len(Predictor(["team", "points"]).networks) == 2


def test_the_command_lists_ensembles_and_says_who_answered(package, landmarks):
    lines = fer("models").stdout.splitlines()
    assert lines[-1].split()[1:9] == ["(default)", "pixels,", "landmarks", "fer2013", "-", "70.0%", "60.0%", "0.0"]
    own = fer("models", "--models", package).stdout.splitlines()
    assert [line.split()[0] for line in own] == ["model", "team", "points", "small"]  # manifest.json is none
    from PIL import Image

    Image.fromarray(GREY).save("face.png")
    done = fer("predict", "face.png", "--no-detect")
    assert done.exit_code == 0, done.output
    said = [line for line in done.stderr.splitlines() if line.startswith("Answered by")]
    assert "50.0% right on the test faces of fer2013, 80% of the average)" in said[0]
    assert "20% of the average" in said[1]


DAMAGES = ["", "[]", "{}", '{"members": {}}', '{"members": {"small": 0}}', '{"members": {"small": "x"}}',
           '{"members": {"small": NaN}}', '{"members": ["small"]}', "[" * 100_000]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGES, ids=range(len(DAMAGES)))
def test_a_damaged_file_is_one_clear_line(content, package):
    (package / "team.json").write_text(content)
    with pytest.raises(FerError, match=r"team\.json is no ensemble of models") as caught:
        Predictor("team")
    assert len(caught.value.message.splitlines()) == 1
    with pytest.raises(FerError, match="There is no model 'team'"):  # in a folder, any JSON file may lie
        Predictor("team", models_folder=package)


@pytest.mark.parametrize("member", ["gone", "team", "other"])
def test_a_member_that_is_not_there_is_named(member, package):
    for name in ("team", "other"):
        (package / f"{name}.json").write_text(json.dumps({"members": {"small": 0.5, member: 0.5}}))
    for call in ({"models": "team"}, {"models": "team", "models_folder": package}, {"models": package / "team.json"}):
        with pytest.raises(FerError, match=f"needs the model {member}, which is not there"):
            Predictor(**call)
    assert Predictor(Path(package / "small.onnx"))
    done = fer("predict", "x.png", "--model", "gone.json")
    assert done.exit_code == 2
    assert "There is no file gone.json" in done.stderr
