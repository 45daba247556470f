"""Measuring a table of probabilities on every set of faces, and the stage `measure`."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from fer import artifacts
from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.evaluation import metrics, predictions, subsets
from fer.evaluation.predictions import Predictions
from tests import known_params
from tests.evaluation.tables import noisy, predicted, splits_table

SPLITS = np.repeat(["val", "test"], 300)
GROUPS = np.where(np.arange(600) < 580, -1, np.arange(600) // 4)
TABLE = splits_table(SPLITS, GROUPS, unseen=(SPLITS == "test") & (np.arange(600) % 2 == 0))


def model(known: np.ndarray | None = None) -> Predictions:
    """Predictions of 300 val and 300 test faces."""
    probabilities, labels = noisy()
    single = noisy(seed=4)[0]
    return predicted(probabilities, labels, SPLITS, single, known, {"parameters": 7, "epochs": 3, "other": 1})


def test_each_set_is_measured_on_its_own_faces() -> None:
    found = subsets.measure(model(), TABLE, "official")
    assert list(found) == ["parameters", "epochs", *subsets.SUBSETS[:-1]]
    both, single, labels = model().probabilities, model().single_view, model().labels
    assert single is not None
    test, even = SPLITS == "test", np.arange(600) % 2 == 0
    everything = np.ones(600, bool)
    masks = {"val": ~test, "test": test, "test_unseen": test & even, "test_combined": everything}
    for subset, mask in masks.items():
        assert found[subset] == metrics.measure(both[mask], labels[mask], GROUPS[mask])
    assert found["test_single_view"] == metrics.measure(single[test], labels[test], GROUPS[test])
    assert found["val_single_view"] == metrics.measure(single[~test], labels[~test], GROUPS[~test])


def test_copies_widen_the_interval_and_leave_the_accuracy() -> None:
    copied = subsets.measure(model(), splits_table(SPLITS, np.arange(600) // 4), "official")["test"]
    single = subsets.measure(model(), splits_table(SPLITS), "official")["test"]
    assert copied["accuracy"] == single["accuracy"]
    width = [values["accuracy_high"] - values["accuracy_low"] for values in (copied, single)]
    assert width[0] / width[1] == pytest.approx(2, rel=0.03)


def test_what_dvc_shows_is_val_alone() -> None:
    report = subsets.measure(model(), TABLE, "official")
    shown = subsets.selection(report)
    assert list(shown) == ["val", "val_single_view", "balanced_accuracy", "log_loss"]
    assert shown["val"] == report["val"]["accuracy"]
    assert shown["log_loss"] == report["val"]["log_loss"]
    other = model()
    test = (other.table["split"] == "test").to_numpy()
    wrong = np.roll(other.table.loc[test, list(EMOTIONS)].to_numpy(), 1, axis=1)
    other.table.loc[test, list(EMOTIONS)] = wrong
    changed = subsets.measure(other, TABLE, "official")
    assert changed["test"]["accuracy"] < report["test"]["accuracy"]
    assert subsets.selection(changed) == shown


def test_faces_without_content_make_a_detected_set() -> None:
    known = np.arange(600) % 5 > 0
    found = subsets.measure(model(known), TABLE, "official")
    detected = known & (SPLITS == "test")
    expected = metrics.measure(model().probabilities[detected], model().labels[detected], GROUPS[detected])
    assert found["test_detected"] == expected
    assert list(found)[-1] == "test_detected"


def test_what_is_not_recorded_is_left_out() -> None:
    table = model().table[["row", "split", "emotion", *EMOTIONS]]
    found = subsets.measure(Predictions(table), splits_table(SPLITS, unseen=np.zeros(600, bool)), "official")
    assert list(found) == ["val", "test", "test_combined"]
    assert list(subsets.selection(found)) == ["val", "balanced_accuracy", "log_loss"]


def test_under_stratified_the_combined_set_needs_the_faces_set_aside() -> None:
    probabilities, labels = noisy()
    splits = np.where(np.arange(600) < 100, "excluded", SPLITS)
    table = splits_table(splits).assign(reason=np.where(splits == "excluded", "unused", ""))
    whole = predicted(probabilities, labels, splits)
    found = subsets.measure(whole, table, "stratified")
    chosen = splits != "val"
    assert found["test_combined"] == metrics.measure(whole.probabilities[chosen], labels[chosen])
    without = Predictions(whole.table[splits != "excluded"].reset_index(drop=True))
    assert "test_combined" not in subsets.measure(without, table, "stratified")


def test_a_missing_face_of_val_or_test_is_an_error() -> None:
    for row, subset in ((0, "val"), (599, "test")):
        fewer = Predictions(model().table.query(f"row != {row}"))
        with pytest.raises(FerError, match=f"lack 1 of the 300 faces of {subset}"):
            subsets.measure(fewer, TABLE, "official")


def test_an_empty_test_set_is_an_error() -> None:
    splits = np.full(600, "val")
    table = predicted(*noisy(), splits)
    with pytest.raises(FerError, match="test holds no face"):
        subsets.measure(table, splits_table(splits), "official")


def test_predictions_of_another_split_are_refused() -> None:
    other = SPLITS.copy()
    other[:3] = "test"
    with pytest.raises(FerError, match="3 faces are in another split"):
        subsets.measure(model(), splits_table(other), "official")
    with pytest.raises(FerError, match="the 500 faces of the data set do not hold"):
        subsets.measure(model(), TABLE.iloc[:500], "official")


class TestStage:
    """`python -m stages.measure`."""

    @pytest.fixture
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A project that holds no more than splits and somebody else's predictions."""
        known_params.write(tmp_path / "params.yaml")
        monkeypatch.chdir(tmp_path)
        artifacts.write_table("data/splits.csv", TABLE)
        artifacts.write_table(predictions.path("theirs"), model().table[["row", "split", "emotion", *EMOTIONS]])
        return tmp_path

    def test_it_needs_nothing_of_a_model(self, project: Path) -> None:
        from stages.measure import main

        outcome = CliRunner().invoke(main, ["theirs"])
        assert outcome.exit_code == 0, outcome.output
        shown = json.loads((project / "metrics/theirs.json").read_text())
        assert list(shown) == ["val", "balanced_accuracy", "log_loss"]
        report = json.loads((project / "metrics/test/theirs.json").read_text())
        assert list(report) == ["val", "test", "test_unseen", "test_combined"]
        confusion = artifacts.read_table(project / "plots/confusion/theirs.csv")
        assert confusion["row"].tolist() == list(range(300, 600))
        reliability = artifacts.read_table(project / "plots/reliability/theirs.csv")
        assert list(reliability.columns) == ["confidence", "accuracy", "gap", "faces"]
        assert reliability["faces"].sum() == 300
        test_accuracy = f"{100 * report['test']['accuracy']:.2f}"
        assert test_accuracy not in outcome.output, "the output of the tuning loop tells of test"

    def test_a_missing_table_leaves_nothing(self, project: Path) -> None:
        from stages.measure import main

        outcome = CliRunner().invoke(main, ["cnn"])
        assert outcome.exit_code == 1
        assert "data/predictions/cnn.parquet is missing" in outcome.output
        assert not (project / "metrics").exists()

    @pytest.mark.parametrize("name", ["landmarks", "stage_times", "../x", "a/b", "data/predictions/cnn.parquet", ".x"])
    def test_a_name_that_leads_elsewhere_is_refused(self, project: Path, name: str) -> None:
        from stages.measure import main

        outcome = CliRunner().invoke(main, [name])
        assert outcome.exit_code == 2
        assert "can't be the name of a model" in outcome.output
        assert sorted(path.name for path in project.iterdir()) == ["data", "params.yaml"]


@pytest.mark.slow
def test_measuring_needs_neither_torch_nor_scikit_learn() -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'sklearn', 'matplotlib'): sys.modules[name] = None\n"
        "from tests.evaluation.test_subsets import TABLE, model\n"
        "from fer.evaluation import compare, ensemble, markdown, plot_tables, results, subsets\n"
        "import stages.measure, stages.ensemble, stages.compare\n"
        "print(subsets.measure(model(), TABLE, 'official')['test']['accuracy'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=known_params.TOP, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0.3


def test_the_metrics_of_a_set_without_pandas() -> None:
    code = "import sys\nsys.modules['pandas'] = None\nfrom fer.evaluation import metrics\nprint(metrics.BINS)\n"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=known_params.TOP, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_table_of_one_split_can_be_cut(tmp_path: Path) -> None:
    test = subsets.on_test(model(), TABLE, "official")
    assert test.rows.tolist() == list(range(300, 600))
    assert isinstance(test.table, pd.DataFrame)
