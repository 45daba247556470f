"""The pipeline end to end on the embedded set, by the commands that a user types."""

import json
import re

import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import save_file

from fer import plan
from fer.emotions import EMOTIONS
from fer.models import MODELS
from fer.models.cnn import make_backbone
from stages import train, weights as fetch
from tests.pipeline.conftest import weights

pytestmark = pytest.mark.slow
HEAD, PARTIAL = "train_phase@cnn_head", "train_phase@cnn_partial"
TRAIN_CNN = {HEAD, PARTIAL, "train@cnn"}
TRAIN_ALL = TRAIN_CNN | {f"train@{model}" for model in MODELS}
EVALUATE = {f"{do}@{model}" for do in ("evaluate", "measure") for model in MODELS}
EXPORT = {f"export@{model}" for model in MODELS}
LANDMARK = ("mlp", "transformer", "gnn")


def after(model):
    """What runs after a model was trained again."""
    own = {f"{do}@{model}" for do in ("evaluate", "measure", "export")} | {"compare", "error_analysis", "explain"}
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


def test_dvc_s_table_of_metrics_says_nothing_of_test(built):
    output = built.dvc("metrics", "show")
    assert "val_single_view" in output
    assert "test" not in output


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
    assert "Nothing to run" in clean.call(plan.main)
    clean.set("mlp.epochs", 6)
    *stages, total = clean.call(plan.main).splitlines()
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
    for model in (*MODELS, "cnn_head", "cnn_partial", "cnn_weights", "efficientnetv2_weights", "fusion_weights"):
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
        ("evaluate.errors_of", "mlp", {"error_analysis"}),
        ("explain.models", ["mlp", "gnn"], {"explain"}),
        ("evaluate.batch_size", 7, set()),
        ("train.seed", 7, TRAIN_ALL | {"fusion_weights"} | EVALUATE | EXPORT | AVERAGE),
        ("landmarks.workers", 1, set()),
        ("train.device", "cpu", set()),
    ],
)
def test_a_parameter_reruns_what_depends_on_it_and_nothing_else(clean, key, value, expected):
    clean.set(key, value)
    assert clean.would_run() == expected


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("fer/models/mlp.py", {"train@mlp"} | after("mlp")),
        ("fer/models/fusion.py", {"fusion_weights", "train@fusion"} | after("fusion")),
        ("fer/models/tiny.py", {"train@tiny"} | after("tiny")),
        ("fer/models/gnn.py", {"train@gnn"} | after("gnn")),
        (
            "fer/models/cnn.py",
            {"weights@cnn", "weights@efficientnetv2", "train@efficientnetv2"}
            | TRAIN_CNN
            | after("cnn")
            | after("efficientnetv2"),
        ),
        (
            "fer/inputs/landmarks.py",
            set().union(*(after(model) | {f"train@{model}"} for model in LANDMARK)),
        ),
        ("fer/training/fit.py", TRAIN_ALL | {"fusion_weights"} | EVALUATE | EXPORT | AVERAGE),
        ("fer/evaluation/metrics.py", {f"measure@{model}" for model in MODELS} | AVERAGE),
        ("fer/evaluation/ensemble.py", AVERAGE),
        ("fer/evaluation/markdown.py", {"compare", "error_analysis", "explain"}),
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
    assert clean.would_run() == expected


def test_an_experiment_compares_with_what_was_there(project):
    output = project.dvc("exp", "run", "-S", "evaluate.tta=none", "--name", "plain", "measure@mlp")
    assert started(output) == {"evaluate@mlp", "measure@mlp"}
    detail = json.loads((project.folder / "metrics/test/mlp.json").read_text())
    assert detail["test"] == detail["test_single_view"]
    assert "evaluate.tta" in project.dvc("params", "diff")
    header, *rows = project.dvc("metrics", "show").splitlines()
    assert {"val", "val_single_view", "balanced_accuracy", "log_loss", "seconds"} < set(header.split())
    assert len(header) <= 160
    assert {f"metrics/{model}.json" for model in MODELS} < {row.split()[0] for row in rows}
    assert "metrics/mlp.json" in project.dvc("metrics", "diff")
    assert len(project.dvc("metrics", "diff", "--all").splitlines()) < 10 * len(
        MODELS
    )  # as if every figure had changed
    table = project.dvc("exp", "show")
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
    assert len(list((tmp_path / "static").glob("*.png"))) == 11


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
        "error_analysis_errors.png",
        "explain_mlp.png",
        "graphs_graph.png",
        "data_distribution.png",
    }


@pytest.mark.parametrize("model", ["transformer", "gnn"])
def test_the_same_seed_gives_the_same_model(project, model):
    before = weights(project, model)
    (project.folder / f"models/{model}/model.safetensors").unlink()
    project.call(train.main, model)
    assert weights(project, model) == before


def test_the_same_weights_again_rerun_nothing_whatever_they_took(project):
    """Wall-clock times are no input: a training that gives the same bytes again reruns neither phase nor report."""
    before = weights(project, "cnn_head")
    assert started(project.dvc("repro", "--single-item", "--force", "--no-run-cache", HEAD)) == {HEAD}
    assert weights(project, "cnn_head") == before
    assert not project.would_run()


def test_other_weights_behind_the_same_name_retrain(project):
    file, made = project.folder / "backbone.safetensors", project.folder / "models/cnn_weights/config.json"
    project.set("cnn.weights", str(file))
    write_backbone(file, seed=1)
    project.call(fetch.main, "cnn")
    first = made.read_text()
    write_backbone(file, seed=2)
    project.dvc("repro", "--single-item", "--force", "--no-run-cache", "weights@cnn")
    assert made.read_text() != first
    assert project.would_run() >= TRAIN_CNN


def write_backbone(path, seed):
    torch.manual_seed(seed)
    save_file(make_backbone("mobilenet_v3_small").state_dict(), path)


def test_a_phase_refuses_weights_of_another_network(clean):
    clean.set("cnn.hidden", 64)
    output = clean.call(train.main, "cnn", "--phase", "partial", fails=True)
    assert "was trained with" in output
    assert "dvc repro" in output
    assert "Traceback" not in output


def test_an_unknown_key_is_named_before_any_work(project):
    project.set("cnn.mixup_alpha", 0.3)
    project.set("cnn.mixup_alhpa", 0.3)
    output = project.dvc("repro", fails=True)
    assert "cnn.mixup_alhpa is not a known key" in output
    assert "Traceback" not in output
    assert (project.folder / "data" / "splits.csv").exists()


def test_no_data_and_no_network(fresh):
    fresh.set("data.dataset", "fer2013")
    output = fresh.run(
        "python", "-m", "stages.download", fails=True, HTTPS_PROXY="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9"
    )
    for choice in ("FER2013_ARCHIVE", "data/incoming", "Error: "):
        assert choice in output
    assert "Traceback" not in output
    assert not (fresh.folder / "data" / "faces").exists()
