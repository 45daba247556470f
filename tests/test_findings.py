"""The findings and the experiments as pages: what is recorded stands there, and nothing else does."""

import contextlib
import json
import subprocess
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from fer import artifacts, config, config_file, experiments, findings, seeds, variants
from fer.evaluation import spread
from fer.evaluation.spread import Spread
from fer.variants import Causes
from tests import known_params
from tests.evaluation.tables import noisy, predicted, splits_table

SPLITS = np.repeat(["val", "test"], 300)
VARIANTS = {
    "without": {"settings": ["mlp.mixup_alpha=0.0"]},
    "alpha 0.4": {"settings": ["mlp.mixup_alpha=0.4"]},
    "with the gnn": {"models": ["mlp", "gnn"]},
}
MIXUP = {
    "question": "Does mixup help?", "claimed": "3 to 5 points more", "models": ["mlp"], "settings": ["mlp.epochs=2"],
    "seeds": [1, 2], "variants": VARIANTS,
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, float]]:
    """A project in which a training takes no time, and what was trained: model, seed and mixup."""
    monkeypatch.chdir(tmp_path)
    known_params.write(Path("params.yaml"))
    write({"mixup": MIXUP, "other": MIXUP})
    artifacts.write_table("data/splits.csv", splits_table(SPLITS))
    trained = []

    def causes(name: str, params: config.Params) -> Causes:
        settings = config_file.flat(params)
        return Causes({key: value for key, value in settings.items() if key.startswith(name)}, {})

    def answers(name, seed, params, found, causes):
        trained.append((name, seed, params.mlp.mixup_alpha))
        probabilities, labels = noisy(600, seed=seed)
        told = probabilities * (1 + params.mlp.mixup_alpha * (labels[:, None] == range(7)))  # a little better
        told /= told.sum(axis=1, keepdims=True)
        return predicted(told, labels, SPLITS, probabilities), 90.0

    monkeypatch.setattr(variants, "needs", lambda name: SimpleNamespace(causes=partial(causes, name)))
    monkeypatch.setattr(seeds, "answers", answers)
    monkeypatch.setattr(findings.check, "params", config.load)
    return trained


def write(table: dict) -> None:
    Path("experiments").mkdir(exist_ok=True)
    findings.TABLE.write_text(yaml.safe_dump({"findings": table}, sort_keys=False))


def call(*arguments: str, status: int = 0) -> str:
    outcome = CliRunner().invoke(findings.main, arguments)
    assert outcome.exit_code == status, (outcome.output, outcome.exception)
    return outcome.output


def line(start: str, page: Path = findings.PAGE) -> list[str]:
    """The cells of the only table row that starts with `start`."""
    (row,) = [row for row in page.read_text().splitlines() if row.startswith(f"| {start} ")]
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_what_was_not_run_is_said_to_be_so(project):
    call("--page-only")
    assert not project
    page = findings.PAGE.read_text()
    assert page.count("It has not been run yet.") == 2
    assert line("[mixup](#mixup)")[2] == "not run yet"


def test_each_variant_is_trained_with_each_seed_once_and_compared_seed_by_seed(project):
    assert "mixup, alpha 0.4, seed 2: val" in call("mixup")
    assert sorted(project) == sorted(
        [("mlp", seed, alpha) for seed in (1, 2) for alpha in (0.0, 0.4, 0.0)] + [("gnn", 1, 0.0), ("gnn", 2, 0.0)]
    )
    call("mixup")
    assert len(project) == 8
    without, alpha = (spread.read(findings.file("mixup", label)) for label in ("without", "alpha 0.4"))
    assert alpha.settings["mlp.epochs"] == 2
    assert line("without")[2] == without.text("val")
    gain = spread.gain(alpha.by_seed("val"), without.by_seed("val"))
    assert gain.startswith("+")
    assert line("alpha 0.4") == ["alpha 0.4", "-S mlp.mixup_alpha=0.4", alpha.text("val"), gain, "1.5"]
    assert line("with the gnn")[3:] == ["+0.0 ± 0.0", "3.0"]  # both trainings' minutes
    assert line("[mixup](#mixup)")[2:] == [gain, "alpha 0.4"]
    assert findings.PAGE.read_text().count("It has not been run yet.") == 1
    assert "python -m fer.findings mixup" in findings.PAGE.read_text()


def test_other_settings_make_new_runs_of_what_they_change(project):
    call("mixup")
    changed = VARIANTS | {"alpha 0.4": {"settings": ["mlp.mixup_alpha=0.3"]}}
    write({"mixup": MIXUP | {"variants": changed}})
    call("--page-only")
    assert "other settings than `params.yaml` and the table of findings have now: `mlp.mixup_alpha`" in (
        " ".join(findings.PAGE.read_text().split())
    )
    call("mixup")
    assert project[8:] == [("mlp", 1, 0.3), ("mlp", 2, 0.3)]
    assert "other settings" not in findings.PAGE.read_text()


def test_one_view_is_compared_with_several(project):
    views = {"one view": {"metric": "val_single_view"}, "views": {"settings": ["mlp.mixup_alpha=0.4"]}}
    write({"tta": MIXUP | {"variants": views}})
    call()
    assert line("one view")[2] == spread.read(findings.file("tta", "one view")).text("val_single_view")
    assert float(line("views")[3].split()[0]) > 0


def test_a_failing_finding_does_not_stop_the_others(project, monkeypatch):
    def causes(params):
        if params.mlp.epochs == 3:
            raise findings.FerError("What the mlp reads is not up to date.")
        return Causes({}, {})

    monkeypatch.setattr(variants, "needs", lambda _: SimpleNamespace(causes=causes))
    write({"mixup": MIXUP | {"settings": ["mlp.epochs=3"]}, "other": MIXUP})
    output = call(status=1)
    assert "mixup: What the mlp reads is not up to date." in output
    assert "Not answered: mixup;" in output
    assert spread.read(findings.file("other", "without")).runs


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"settings": ["data.seed=3"]}, "findings.mixup.settings.0"),
        ({"models": ["svm"]}, "findings.mixup.models.0"),
        ({"variants": {"../x": {}, "y": {}}}, "../x"),
        ({"settings": ["mlp.speed=3"]}, "mlp.speed is not a known key"),
    ],
)
def test_a_table_that_is_no_good_is_refused(project, change, said):
    write({"mixup": MIXUP | change})
    assert said in call(status=1)
    assert not project


def test_an_unknown_name_is_a_wrong_call(project):
    assert "has no finding nothing: choose from mixup, other" in call("nothing", status=2)


def test_the_project_s_own_table_is_sound_and_its_page_has_every_finding(params):
    content = config_file.read(known_params.TOP / findings.TABLE, findings.Findings)
    for finding in content.findings.values():
        for label in finding.variants:
            findings.asked(finding, label, params)
    page = (known_params.TOP / findings.PAGE).read_text()
    for name in content.findings:
        assert f"\n## {name}\n" in page
        assert f"`python -m fer.findings {name}`" in page


def test_series_stand_beside_the_nearest_one(project, params):
    now = {key: value for key, value in config_file.flat(params).items() if key.startswith("mlp.")}

    def add(file: Path, accuracies: list[float], causes: str, **changed: object) -> None:
        runs = {seed: {"val": accuracy} for seed, accuracy in enumerate(accuracies)}
        spread.write(file, Spread(runs, now | changed, causes, dict.fromkeys(runs, 120.0)))

    add(spread.path("mlp"), [0.60, 0.62], "a")
    add(spread.earlier("mlp", "b"), [0.55, 0.56], "b", **{"mlp.epochs": 5})
    add(spread.earlier("mlp", "c"), [0.56, 0.58], "c", **{"mlp.epochs": 5, "mlp.lr": 0.00001})
    add(spread.earlier("mlp", "a"), [0.60], "a")  # put aside once, and brought back
    rows = experiments.series(params)
    assert [row[0] for row in rows] == ["mlp"] * 3
    assert rows[0][1:] == ["as in params.yaml", "–", "61.0 ± 1.4", "–", "2", "2.0"]
    assert rows[1][1:5] == ["-S mlp.epochs=5", "61.0 ± 1.4", "55.5 ± 0.7", "-5.5 ± 0.7"]
    assert rows[2][1:5] == ["-S mlp.epochs=5 -S mlp.lr=0.00001", "55.5 ± 0.7", "57.0 ± 1.4", "+1.5 ± 0.7"]


def test_series_of_other_data_are_not_subtracted(project, params):
    now = config_file.flat(params)
    spread.write(spread.path("mlp"), Spread({1: {"val": 0.6}}, now, "a"))
    spread.write(spread.earlier("mlp", "b"), Spread({1: {"val": 0.4}}, now | {"data.dataset": "rafdb"}, "b"))
    rows = experiments.series(params)
    assert rows[1] == ["mlp", "-S data.dataset=rafdb", "–", "40.0", "–", "1", "–"]


def exp_show(val: float, lr: float, seconds: float, **more: object) -> dict:
    """A revision as `dvc exp show --json` gives it."""
    metrics = {"metrics/mlp.json": {"val": val}, "metrics/times/mlp.json": {"seconds": seconds}}
    parameters = {"params.yaml": {"data": {"mlp": {"lr": lr}}}}
    return {"data": {"metrics": {file: {"data": one} for file, one in metrics.items()}, "params": parameters}, **more}


def test_dvc_s_experiments_are_kept_when_they_are_gone(project, monkeypatch):
    best = {"name": "swift-gull", "revs": [exp_show(0.62, 0.003, 130.0)]}
    same = {"name": "calm-dodo", "revs": [exp_show(0.60, 0.001, 120.0)]}
    failed = {"name": "sad-auk", "revs": [{"data": None, "error": {"msg": "it failed"}}]}
    commits = [exp_show(0.60, 0.001, 120.0, experiments=[best, same, failed])]
    repo = SimpleNamespace(experiments=SimpleNamespace(ls=lambda all_commits: {"abc": [("swift-gull", "def")]}))
    monkeypatch.setattr(experiments.check, "dvc", lambda: contextlib.nullcontext(repo))
    shown = SimpleNamespace(returncode=0, stdout=json.dumps(commits), stderr="")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: shown)
    assert CliRunner().invoke(experiments.main, catch_exceptions=False).exit_code == 0
    row = ["mlp", "-S mlp.lr=0.003", "60.0", "62.0", "+2.0", "1", "2.2"]
    assert line("mlp", experiments.PAGE) == row
    shown.stdout = "[]"
    CliRunner().invoke(experiments.main, catch_exceptions=False)
    assert line("mlp", experiments.PAGE) == row
    shown.returncode, shown.stderr = 1, "not a\nrepository"
    outcome = CliRunner().invoke(experiments.main)
    assert "Error: DVC can't list its experiments: not a repository" in outcome.output


def test_what_changes_no_val_and_what_is_new_is_listed_too(monkeypatch, project):
    start = exp_show(0.60, 0.001, 120.0)
    end = exp_show(0.60, 0.003, 130.0)
    end["data"]["metrics"]["metrics/mlp.json"]["data"]["log_loss"] = 1.1
    end["data"]["metrics"]["metrics/gnn.json"] = {"data": {"val": 0.58}}
    commits = [start | {"experiments": [{"name": "swift-gull", "revs": [end]}]}]
    monkeypatch.setattr(experiments, "_shown", lambda: commits)
    assert experiments.dvc_experiments() == {
        "swift-gull": [
            ["mlp", "-S mlp.lr=0.003", "60.0", "60.0", "+0.0", "1", "2.2"],
            ["gnn", "-S mlp.lr=0.003", "–", "58.0", "–", "1", "–"],
        ]
    }
    end["data"]["params"]["params.yaml"]["data"]["data"] = {"dataset": "rafdb"}
    assert [row[2:5] for row in experiments.dvc_experiments()["swift-gull"]] == [["–", "60.0", "–"], ["–", "58.0", "–"]]


def test_a_search_stands_there_with_its_best_trial(project, params):
    import optuna

    from fer import search, studies, tune

    study = studies.begin(str(tune.WORK / "mlp.journal"), "mlp", "abc", 4)
    study.set_user_attr(studies.FIXED, "-S mlp.epochs=4")
    space = {"mlp.dropout": search.space(params.mlp, "mlp")["mlp.dropout"]}
    for dropout, accuracy in ((0.4, 0.60), (0.25, 0.63)):
        study.enqueue_trial({"mlp.dropout": dropout})
        study.tell(study.ask(studies.distributions(space)), accuracy)
    study.tell(study.ask(studies.distributions(space)), state=optuna.trial.TrialState.PRUNED)
    ((row,),) = experiments.searches(params).values()
    assert row[:6] == ["mlp", "best of 3 trials: -S mlp.epochs=4 -S mlp.dropout=0.25", "60.0", "63.0", "+3.0", "1"]
