"""The pipeline end to end on the embedded set, by the commands that a user types."""

import json
import os
import re
import signal
import time

import pandas as pd
import pytest
import yaml

from fer.emotions import EMOTIONS, MODELS

TRAIN_CNN = {"train_cnn_head", "train_cnn_partial", "train_cnn_full"}
EVALUATE = {f"evaluate@{model}" for model in MODELS}
MEASURES = {
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "balanced_accuracy",
    "macro_f1",
    "log_loss",
    "ece",
    "recall",
}


def started(output):
    return set(re.findall(r"Running stage '([^']+)'", output))


def would_run(project):
    return started(project.dvc("repro", "--dry", "--force-downstream"))


def test_every_stage_ran_once_and_left_its_outputs(built):
    pipeline = yaml.safe_load((built.folder / "dvc.yaml").read_text())
    stages = set(pipeline["stages"]) - {"evaluate"} | EVALUATE
    assert started((built.folder / "repro.log").read_text()) == stages
    locked = yaml.safe_load((built.folder / "dvc.lock").read_text())["stages"]
    assert set(locked) == stages
    for stage in locked.values():
        for out in stage["outs"]:
            assert (built.folder / out["path"]).exists()
    leftovers = [path for path in built.folder.rglob("*.part*") if ".git" not in path.parts]
    assert not leftovers
    assert not list((built.folder / ".cache" / "training").glob("*"))


def test_every_stage_says_what_it_does_and_models_are_artifacts(built):
    pipeline = yaml.safe_load((built.folder / "dvc.yaml").read_text())
    for name, stage in pipeline["stages"].items():
        assert (stage.get("do") or stage)["desc"], name
    assert {name: entry["type"] for name, entry in pipeline["artifacts"].items()} == dict.fromkeys(MODELS, "model")


@pytest.mark.parametrize("model", MODELS)
def test_metrics_have_the_layout_that_others_rely_on(built, model):
    metrics = json.loads((built.folder / f"metrics/{model}.json").read_text())
    subsets = {"val", "test", "test_single_view", "test_unseen", "test_combined"}
    if model != "cnn":
        subsets.add("test_detected")
    assert set(metrics) == {"parameters", "training"} | subsets
    assert set(metrics["training"]) == {"seconds", "epochs", "best_epoch", "faces_per_second", "device"}
    for subset in subsets:
        assert set(metrics[subset]) == MEASURES
        assert set(metrics[subset]["recall"]) <= set(EMOTIONS)
        assert metrics[subset]["accuracy_low"] <= metrics[subset]["accuracy"] <= metrics[subset]["accuracy_high"]


@pytest.mark.parametrize("model", MODELS)
def test_predictions_are_of_val_and_test_and_agree_with_the_metrics(built, model):
    predictions = pd.read_parquet(built.folder / f"data/predictions/{model}.parquet")
    splits = pd.read_csv(built.folder / "data/splits.csv", keep_default_na=False)
    assert list(predictions.columns) == ["name", "split", "emotion", *EMOTIONS]
    assert set(predictions["name"]) == set(splits.loc[splits["split"].isin(["val", "test"]), "name"])
    assert predictions[list(EMOTIONS)].sum(axis=1).between(0.999, 1.001).all()
    test = predictions[predictions["split"] == "test"]
    accuracy = (test[list(EMOTIONS)].idxmax(axis=1) == test["emotion"]).mean()
    metrics = json.loads((built.folder / f"metrics/{model}.json").read_text())
    assert metrics["test"]["accuracy"] == pytest.approx(accuracy, abs=1e-4)


def test_models_are_safetensors_and_json_alone(built):
    for model in ("classifier", "transformer", "gnn", "cnn_head", "cnn_partial", "cnn"):
        names = {path.name for path in (built.folder / "models" / model).iterdir()}
        assert names == {"model.safetensors", "config.json", "training.json"}


def test_a_second_repro_runs_nothing(built):
    output = built.dvc("repro")
    assert not started(output)
    assert "up to date" in output


def test_a_fresh_clone_has_nothing_to_run(built, tmp_path):
    built.run("git", "clone", "-q", str(built.folder), str(tmp_path / "clone"))
    clone = type(built)(tmp_path / "clone")
    assert not started(clone.dvc("repro", "--allow-missing", "--dry"))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("cnn.mixup_alpha", 0.3, TRAIN_CNN | {"evaluate@cnn", "compare"}),
        ("cnn.full.epochs", 2, {"train_cnn_full", "evaluate@cnn", "compare"}),
        ("transformer.layers", 2, {"train_transformer", "evaluate@transformer", "compare"}),
        ("graphs.edges", "tesselation", {"graphs", "train_gnn", "evaluate@gnn", "compare"}),
        ("evaluate.tta", "none", EVALUATE | {"compare"}),
        ("landmarks.workers", 1, set()),
        ("train.device", "cpu", set()),
    ],
)
def test_a_parameter_reruns_what_depends_on_it_and_nothing_else(clean, key, value, expected):
    clean.set(key, value)
    assert would_run(clean) == expected


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("fer/models/mlp.py", {"train_classifier", "evaluate@classifier", "compare"}),
        ("fer/models/gnn.py", {"train_gnn", "evaluate@gnn", "compare"}),
        ("fer/models/cnn.py", TRAIN_CNN | {"evaluate@cnn", "compare"}),
        ("fer/evaluation/metrics.py", EVALUATE | {"compare"}),
        ("fer/evaluation/markdown.py", {"compare"}),
        ("fer/config.py", set()),
        ("fer/artifacts.py", set()),
    ],
)
def test_an_edit_reruns_what_it_touches(clean, file, expected):
    path = clean.folder / file
    path.write_text(path.read_text() + "\n# edited\n")
    assert would_run(clean) == expected


def test_an_experiment_compares_with_what_was_there(clean):
    output = clean.dvc("exp", "run", "-S", "evaluate.tta=none", "--name", "plain")
    assert started(output) == EVALUATE | {"compare"}
    metrics = json.loads((clean.folder / "metrics/cnn.json").read_text())
    assert metrics["test"] == metrics["test_single_view"]
    assert "evaluate.tta" in clean.dvc("params", "diff")
    assert "test.accuracy" in clean.dvc("metrics", "show", "metrics/cnn.json")
    clean.dvc("metrics", "diff")
    table = clean.dvc("exp", "show", "--csv")
    assert "plain" in table


def test_plots_are_all_found(built):
    page = built.folder / "dvc_plots"
    built.dvc("plots", "show", "--out", str(page))
    html = (page / "index.html").read_text()
    (built.folder / ".git/info/exclude").write_text("repro.log\ndvc_plots\n")
    titles = ("Recall per emotion", "Reliability", "cnn, test: faces", "classifier", "transformer", "gnn")
    assert all(title in html for title in titles)
    assert len(list((page / "static").glob("*.png"))) >= 6


@pytest.mark.parametrize("stage", ["train_transformer", "train_gnn", "train_cnn_head"])
def test_the_same_seed_gives_the_same_model(clean, stage):
    weights = clean.folder / "models" / stage.removeprefix("train_") / "model.safetensors"
    before = weights.read_bytes()
    assert started(clean.dvc("repro", "--single-item", "--force", "--no-run-cache", stage)) == {stage}
    assert weights.read_bytes() == before


def test_killed_and_started_again_it_ends_with_the_same_weights(clean):
    """Kill -9 in mid-training, then `dvc repro`: the resumed run against one that never stopped."""
    clean.set("classifier.epochs", 60)
    weights = clean.folder / "models/classifier/model.safetensors"
    again = ("repro", "--single-item", "--force", "--no-run-cache", "train_classifier")
    assert "Going on" not in clean.dvc(*again)
    expected = weights.read_bytes()

    checkpoint = clean.folder / ".cache/training/classifier/last.ckpt"
    process = clean.start(*again)
    while not checkpoint.exists():
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not weights.exists()

    output = clean.dvc(*again)
    epoch = int(re.search(r"Going on after epoch (\d+)", output).group(1))
    assert 1 <= epoch < 60
    assert weights.read_bytes() == expected


def test_two_processes_train_one_model(clean):
    clean.set("train.devices", 2)
    clean.set("train.device", "cpu")
    clean.dvc("repro", "--single-item", "train_cnn_full")
    summary = json.loads((clean.folder / "models/cnn/training.json").read_text())
    assert summary["device"] == "2 x cpu"
    assert not list((clean.folder / ".cache" / "training").glob("*"))


def test_a_phase_refuses_weights_of_another_network(clean):
    clean.set("cnn.hidden", 64)
    output = clean.run("python", "-m", "stages.train_cnn", "--phase", "partial", fails=True)
    assert "was trained with" in output
    assert "dvc repro" in output
    assert "Traceback" not in output


def test_an_unknown_key_is_named_before_any_work(clean):
    clean.set("cnn.mixup_alpha", 0.3)
    clean.set("cnn.mixup_alhpa", 0.3)
    output = clean.dvc("repro", fails=True)
    assert "cnn.mixup_alhpa is not a known key" in output
    assert "Traceback" not in output
    assert (clean.folder / "data" / "splits.csv").exists()
    clean.dvc("checkout", "--force")


def test_no_data_and_no_network(fresh):
    fresh.set("data.dataset", "fer2013")
    output = fresh.run(
        "python", "-m", "stages.download", fails=True, HTTPS_PROXY="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9"
    )
    for choice in ("FER2013_ARCHIVE", "data/incoming", "Error: "):
        assert choice in output
    assert "Traceback" not in output
    assert not (fresh.folder / "data" / "faces").exists()
