"""The pipeline end to end on the embedded set, by the commands that a user types."""

import json
import os
import re
import signal
import socket
import time

import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import save_file

from fer.emotions import EMOTIONS
from fer.models import MODELS
from fer.models.cnn import make_backbone
from tests.pipeline.conftest import start, wait_for_checkpoint
from tests.torture import Torture

pytestmark = pytest.mark.slow
HEAD, PARTIAL = "train_phase@cnn_head", "train_phase@cnn_partial"
TRAIN_CNN = {HEAD, PARTIAL, "train@cnn"}
TRAIN_ALL = TRAIN_CNN | {f"train@{model}" for model in MODELS}
EVALUATE = {f"{do}@{model}" for do in ("evaluate", "measure") for model in MODELS}
EXPORT = {f"export@{model}" for model in MODELS}
LANDMARK = ("mlp", "transformer", "gnn")


def after(model):
    """What runs after a model was trained again."""
    own = {f"{do}@{model}" for do in ("evaluate", "measure", "export")} | {"compare"}
    if model == "tiny":
        return own
    own |= {"fusion_weights", "train@fusion"} | after("fusion") if model in ("cnn", "mlp") else set()
    return own | AVERAGE


TEACH = {"soft_labels@tiny", "train@tiny"}
AVERAGE = {"ensemble@ensemble"} | TEACH | after("tiny")


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


def locked(project):
    return yaml.safe_load((project.folder / "dvc.lock").read_text())["stages"]


def test_every_stage_ran_once_and_left_its_outputs(built):
    stages = {line.split()[0] for line in built.dvc("stage", "list").splitlines()}
    assert stages > EVALUATE | EXPORT | TRAIN_ALL
    assert started((built.folder / "repro.log").read_text()) == stages
    assert set(locked(built)) == stages
    for stage in locked(built).values():
        for out in stage["outs"]:
            assert (built.folder / out["path"]).exists()
    leftovers = [path for path in built.folder.rglob("*.part*") if ".git" not in path.parts]
    assert not leftovers
    assert not list((built.folder / ".cache" / "training").glob("*"))


def test_every_stage_says_what_it_does(built):
    pipeline = yaml.safe_load((built.folder / "dvc.yaml").read_text())
    for name, stage in pipeline["stages"].items():
        assert (stage.get("do") or stage)["desc"], name


@pytest.mark.parametrize("model", MODELS)
def test_metrics_have_the_layout_that_others_rely_on(built, model):
    detail = json.loads((built.folder / f"metrics/test/{model}.json").read_text())
    subsets = {"val", "val_single_view", "test", "test_single_view", "test_unseen", "test_combined"}
    about = {"parameters", "temperature", "epochs", "best_epoch", "views"}
    assert about | subsets <= set(detail) <= about | subsets | {"test_detected"}
    for subset in subsets:
        assert set(detail[subset]) == MEASURES
        assert set(detail[subset]["recall"]) <= set(EMOTIONS)
        assert detail[subset]["accuracy_low"] < detail[subset]["accuracy"] < detail[subset]["accuracy_high"]


@pytest.mark.parametrize("model", MODELS)
def test_dvc_s_metrics_are_of_val_alone(built, model):
    detail = json.loads((built.folder / f"metrics/test/{model}.json").read_text())
    metrics = json.loads((built.folder / f"metrics/{model}.json").read_text())
    assert metrics == {
        "val": detail["val"]["accuracy"],
        "val_single_view": detail["val_single_view"]["accuracy"],
        "balanced_accuracy": detail["val"]["balanced_accuracy"],
        "log_loss": detail["val"]["log_loss"],
    }
    assert "test" not in built.dvc("metrics", "show")


def test_times_are_metrics_and_no_result_depends_on_them(built):
    names = {*MODELS, "cnn_head", "cnn_partial"}
    times = {path.stem: json.loads(path.read_text()) for path in (built.folder / "metrics/times").iterdir()}
    assert set(times) == names
    for name in names:
        assert set(times[name]) == {"seconds", "faces_per_second", "device"}
    for stage in locked(built).values():
        assert not [dep for dep in stage.get("deps", []) if "times" in dep["path"]]


def test_the_plan_knows_what_would_run_and_how_long_it_took(clean):
    recorded = json.loads((clean.folder / "metrics/stage_times.json").read_text())
    assert set(recorded) == set(locked(clean))
    assert all(times["seconds"] > 0 and times["speed"] > 0 for times in recorded.values())
    assert "Nothing to run" in clean.run("python", "-m", "fer.plan")
    clean.set("mlp.epochs", 6)
    *stages, total = clean.run("python", "-m", "fer.plan").splitlines()
    assert {line.split()[0] for line in stages} == {"train@mlp"} | after("mlp")
    assert "for 6 instead of 3 epochs" in stages[0]
    assert re.fullmatch(r"sum +\d+ (s|min)", total)


@pytest.mark.parametrize("model", MODELS)
def test_predictions_are_of_val_and_test_and_agree_with_the_metrics(built, model):
    predictions = pd.read_parquet(built.folder / f"data/predictions/{model}.parquet")
    splits = pd.read_csv(built.folder / "data/splits.csv", keep_default_na=False)
    single = [f"{emotion}_single" for emotion in EMOTIONS]
    assert list(predictions.columns) == ["row", "name", "split", "emotion", *EMOTIONS, *single, "known"]
    assert set(predictions["name"]) == set(splits.loc[splits["split"].isin(["val", "test"]), "name"])
    assert predictions[list(EMOTIONS)].sum(axis=1).between(0.999, 1.001).all()
    test = predictions[predictions["split"] == "test"]
    accuracy = (test[list(EMOTIONS)].idxmax(axis=1) == test["emotion"]).mean()
    metrics = json.loads((built.folder / f"metrics/test/{model}.json").read_text())
    assert metrics["test"]["accuracy"] == pytest.approx(accuracy, abs=1e-4)


def test_models_are_safetensors_and_json_alone(built):
    for model in (*MODELS, "cnn_head", "cnn_partial", "cnn_weights", "fusion_weights"):
        names = {path.name for path in (built.folder / "models" / model).iterdir()}
        assert names == {"model.safetensors", "config.json"}


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
        ("cnn.mixup_alpha", 0.3, TRAIN_CNN | after("cnn")),
        ("cnn.full.epochs", 2, {"train@cnn"} | after("cnn")),
        ("cnn.partial.lr", 0.002, {PARTIAL, "train@cnn"} | after("cnn")),
        ("cnn.backbone", "resnet18", {"weights@cnn"} | TRAIN_CNN | after("cnn")),
        ("transformer.layers", 2, {"train@transformer"} | after("transformer")),
        ("graphs.edges", "tesselation", {"graphs", "train@gnn"} | after("gnn")),
        ("evaluate.tta", "none", EVALUATE | AVERAGE),
        ("ensemble.weights", "uniform", AVERAGE),
        ("tiny.distill.teacher", "cnn", TEACH | after("tiny")),
        ("tiny.distill.weight", 0.5, {"train@tiny"} | after("tiny")),
        ("evaluate.bootstrap", 200, {"compare"}),
        ("evaluate.batch_size", 7, set()),
        ("train.seed", 7, TRAIN_ALL | {"fusion_weights"} | EVALUATE | EXPORT | AVERAGE),
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
        ("fer/models/mlp.py", {"train@mlp"} | after("mlp")),
        ("fer/models/fusion.py", {"fusion_weights", "train@fusion"} | after("fusion")),
        ("fer/models/tiny.py", {"train@tiny"} | after("tiny")),
        ("fer/models/gnn.py", {"train@gnn"} | after("gnn")),
        ("fer/models/cnn.py", {"weights@cnn"} | TRAIN_CNN | after("cnn")),
        (
            "fer/inputs/landmarks.py",
            set().union(*(after(model) | {f"train@{model}"} for model in LANDMARK)),
        ),
        ("fer/training/fit.py", TRAIN_ALL | {"fusion_weights"} | EVALUATE | EXPORT | AVERAGE),
        ("fer/evaluation/metrics.py", {f"measure@{model}" for model in MODELS} | AVERAGE),
        ("fer/evaluation/ensemble.py", AVERAGE),
        ("fer/evaluation/markdown.py", {"compare"}),
        (
            "fer/emotions.py",
            {"download", "split", "landmarks", "graphs", "fusion_weights"} | TRAIN_ALL | EVALUATE | EXPORT | AVERAGE,
        ),
        ("fer/training/progress_bar.py", set()),
        ("fer/config.py", set()),
        ("fer/artifacts.py", set()),
    ],
)
def test_an_edit_reruns_what_it_touches(clean, file, expected):
    path = clean.folder / file
    path.write_text(path.read_text() + "\n# edited\n")
    assert would_run(clean) == expected


def test_an_experiment_compares_with_what_was_there(restored):
    output = restored.dvc("exp", "run", "-S", "evaluate.tta=none", "--name", "plain")
    # The ensemble's weights stay the same, so nothing is taught again.
    assert started(output) == EVALUATE | {"ensemble@ensemble", "compare"}
    detail = json.loads((restored.folder / "metrics/test/cnn.json").read_text())
    assert detail["test"] == detail["test_single_view"]
    assert "evaluate.tta" in restored.dvc("params", "diff")
    header, *rows = restored.dvc("metrics", "show").splitlines()
    assert {"val", "val_single_view", "balanced_accuracy", "log_loss", "seconds"} < set(header.split())
    assert len(header) <= 160
    assert {f"metrics/{model}.json" for model in MODELS} < {row.split()[0] for row in rows}
    assert len(restored.dvc("metrics", "diff").splitlines()) < 40
    table = restored.dvc("exp", "show")
    assert "plain" in table
    # What a terminal of 160 columns shows before it scrolls: the numbers of the first models, in full.
    top = [line[:160] for line in table.splitlines()]
    assert "metrics/cnn.json:val" in top[1]
    assert "test" not in table
    assert "…" not in "".join(top)


def test_plots_are_all_found(built, tmp_path):
    built.dvc("plots", "show", "--out", str(tmp_path))
    html = (tmp_path / "index.html").read_text()
    titles = ["Recall per emotion", "Reliability", *(f"plots/confusion/{model}.csv" for model in MODELS)]
    titles += [f"plots/curves/{name}.csv" for name in (*MODELS, "cnn_head", "cnn_partial")]
    assert not [title for title in titles if title not in html]
    assert len(list((tmp_path / "static").glob("*.png"))) == 8


def test_a_fresh_clone_draws_all_but_the_sheets_of_faces(built, tmp_path):
    built.run("git", "clone", "-q", str(built.folder), str(tmp_path / "clone"))
    clone = type(built)(tmp_path / "clone")
    clone.dvc("plots", "show", "--out", "page")
    html = (clone.folder / "page/index.html").read_text()
    titles = ["Recall per emotion", "Reliability", *(f"plots/confusion/{model}.csv" for model in MODELS)]
    assert not [title for title in titles if title not in html]
    drawn = {path.name for path in (clone.folder / "page/static").glob("*.png")}
    assert {name.partition("plots_")[2] for name in drawn} == {
        "comparison_accuracy.png",
        "graphs_graph.png",
        "data_distribution.png",
    }


@pytest.mark.parametrize("stage", ["train@transformer", "train@gnn", HEAD])
def test_the_same_seed_gives_the_same_model(clean, stage):
    model = {HEAD: "cnn_head"}.get(stage, stage.removeprefix("train@"))
    weights = clean.folder / "models" / model / "model.safetensors"
    before = weights.read_bytes()
    assert started(clean.dvc("repro", "--single-item", "--force", "--no-run-cache", stage)) == {stage}
    assert weights.read_bytes() == before


def kill_in_training(project, *processes):
    """Kill -9 these process groups once the mlp has a checkpoint."""
    wait_for_checkpoint(project, processes[0])
    time.sleep(0.3)
    for process in processes:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_killed_and_started_again_it_ends_with_the_same_weights(restored):
    """Kill -9 in mid-training, then `dvc repro`: the resumed run against one that never stopped."""
    restored.set("mlp.epochs", 60)
    weights = restored.folder / "models/mlp/model.safetensors"
    again = ("repro", "--single-item", "--force", "--no-run-cache", "train@mlp")
    assert "Going on" not in restored.dvc(*again)
    expected = weights.read_bytes()

    kill_in_training(restored, restored.start(*again))
    assert not weights.exists()

    output = restored.dvc(*again)
    epoch = int(re.search(r"Going on after epoch (\d+)", output).group(1))
    assert 1 <= epoch < 60
    assert weights.read_bytes() == expected


def test_two_processes_train_one_model_stop_together_and_go_on(restored):
    restored.set("train.devices", 2)
    restored.set("train.device", "cpu")
    restored.set("mlp.epochs", 40)
    weights = restored.folder / "models/mlp/model.safetensors"
    again = ("repro", "--single-item", "--force", "--no-run-cache", "train@mlp")
    assert restored.dvc(*again).count("best epoch") == 1
    expected = weights.read_bytes()
    assert json.loads((restored.folder / "metrics/times/mlp.json").read_text())["device"] == "2 x cpu"

    process = start(restored, "stages.train", "mlp")
    os.kill(process.pid, signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert output.count("Stopped by") == 1
    assert not Torture(restored).processes()
    assert "Going on after epoch" in restored.dvc(*again)
    assert weights.read_bytes() == expected
    assert not list((restored.folder / ".cache" / "training").glob("*"))


def test_two_machines_with_a_shared_folder_train_one_model_and_go_on_after_a_kill(restored):
    restored.set("train.nodes", 2)
    restored.set("train.device", "cpu")
    restored.set("mlp.epochs", 40)
    weights = restored.folder / "models/mlp/model.safetensors"
    assert [process.wait(timeout=120) for process in two_machines(restored)] == [0, 0]
    expected = weights.read_bytes()
    assert json.loads((restored.folder / "metrics/times/mlp.json").read_text())["device"] == "2 x cpu"

    kill_in_training(restored, *two_machines(restored))
    assert list((restored.folder / ".cache/training/mlp").glob("*/last.ckpt"))
    assert [process.wait(timeout=120) for process in two_machines(restored)] == [0, 0]
    assert weights.read_bytes() == expected
    assert not list((restored.folder / ".cache" / "training").glob("*"))


def two_machines(project):
    """Start a training on two machines, as a cluster's scheduler would."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "LOCAL_RANK": "0"}
    command = ("python", "-m", "stages.train", "mlp")
    return [project.start_command(*command, **group, NODE_RANK=number) for number in ("0", "1")]


def test_the_same_weights_rerun_nothing_whatever_they_took(clean):
    """Wall-clock times are no input: a training that gives the same bytes again reruns neither phase nor report."""
    clean.dvc("repro", "--single-item", "--force", "--no-run-cache", HEAD)
    output = clean.dvc("repro")
    assert not started(output), output


def test_other_weights_behind_the_same_name_retrain(restored):
    restored.set("cnn.weights", str(restored.folder / "backbone.safetensors"))
    write_backbone(restored.folder / "backbone.safetensors", seed=1)
    restored.dvc("repro", "--single-item", "weights@cnn")
    first = (restored.folder / "models/cnn_weights/config.json").read_text()
    write_backbone(restored.folder / "backbone.safetensors", seed=2)
    restored.dvc("repro", "--single-item", "--force", "--no-run-cache", "weights@cnn")
    assert (restored.folder / "models/cnn_weights/config.json").read_text() != first
    assert would_run(restored) >= TRAIN_CNN
    (restored.folder / "backbone.safetensors").unlink()


def write_backbone(path, seed):
    torch.manual_seed(seed)
    save_file(make_backbone("mobilenet_v3_small").state_dict(), path)


def test_a_phase_refuses_weights_of_another_network(clean):
    clean.set("cnn.hidden", 64)
    output = clean.run("python", "-m", "stages.train", "cnn", "--phase", "partial", fails=True)
    assert "was trained with" in output
    assert "dvc repro" in output
    assert "Traceback" not in output


def test_an_unknown_key_is_named_before_any_work(restored):
    restored.set("cnn.mixup_alpha", 0.3)
    restored.set("cnn.mixup_alhpa", 0.3)
    output = restored.dvc("repro", fails=True)
    assert "cnn.mixup_alhpa is not a known key" in output
    assert "Traceback" not in output
    assert (restored.folder / "data" / "splits.csv").exists()


def test_no_data_and_no_network(fresh):
    fresh.set("data.dataset", "fer2013")
    output = fresh.run(
        "python", "-m", "stages.download", fails=True, HTTPS_PROXY="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9"
    )
    for choice in ("FER2013_ARCHIVE", "data/incoming", "Error: "):
        assert choice in output
    assert "Traceback" not in output
    assert not (fresh.folder / "data" / "faces").exists()
