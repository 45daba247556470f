"""The models that begin with, or learn from, other trained models: the fusion and the student."""

import os
import signal

import pytest

from stages import train
from tests import known_params
from tests.pipeline.conftest import wait_for_checkpoint

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("model", "epochs"), [("fusion", 8), ("tiny", 20)])
def test_killed_and_started_again_it_ends_with_the_same_weights(model, epochs, project):
    project.set(f"{model}.epochs", epochs)
    weights = project.folder / f"models/{model}/model.safetensors"
    again = ("repro", "--single-item", "--force", "--no-run-cache", f"train@{model}")
    project.call(train.main, model)
    expected = weights.read_bytes()
    process = project.start(*again)
    wait_for_checkpoint(project, process, model)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert "Going on after epoch" in project.dvc(*again)
    assert weights.read_bytes() == expected


def test_what_was_exported_answers_alone_and_as_an_ensemble(built):
    photo = str(known_params.TOP / "docs/images/astronaut.jpg")
    for model in ("fusion", "tiny", "ensemble"):
        answer = built.run("python", "-m", "fer", "predict", photo, "--models", "models/onnx", "--model", model)
        assert "88x119 at 182,58" in answer
        assert (f"Answered by {model} (float32" in answer) == (model != "ensemble")
        assert ("of the average" in answer) == (model == "ensemble")


def test_another_teacher_s_answers_are_refused(clean):
    clean.set("tiny.distill.teacher", "gnn")
    output = clean.run("python", "-m", "stages.train", "tiny", fails=True)
    assert "data/soft_labels/tiny.parquet holds the answers of ensemble instead of gnn. Run `dvc repro`." in output
    assert "Traceback" not in output
