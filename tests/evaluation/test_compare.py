"""Ranking, paired significance, the report and the picture."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from fer import artifacts
from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.evaluation import compare, figures, markdown, plot_tables
from fer.evaluation.compare import Pair, Result
from fer.evaluation.results import duration
from fer.models import MODELS
from tests import known_params


def predictions(right: np.ndarray, seed: int = 0) -> pd.DataFrame:
    """The test rows of a predictions file: faces that are recognised where `right` says so."""
    labels = np.random.default_rng(seed).integers(7, size=len(right))
    predicted = np.where(right, labels, (labels + 1) % 7)
    frame = pd.DataFrame(np.eye(7, dtype=np.float32)[predicted] * 0.86 + 0.02, columns=list(EMOTIONS))
    frame.insert(0, "emotion", np.array(EMOTIONS)[labels])
    frame.insert(0, "split", "test")
    frame.insert(0, "name", [f"face{index:05d}" for index in range(len(frame))])
    return frame


def answers(right: np.ndarray, seed: int = 0) -> pd.DataFrame:
    """The same as `plots/confusion/<name>.csv` holds them."""
    return plot_tables.confusion_table(predictions(right, seed))


def no_copies(faces: int = 800) -> np.ndarray:
    """Groups of copies of a set without any."""
    return np.full(faces, -1)


def scores(val: float, test: float, **more: Any) -> dict[str, Any]:
    """The content of `metrics/detail/<name>.json`, as far as the comparison reads it."""

    def subset(accuracy: float) -> dict[str, Any]:
        return {
            "accuracy": accuracy,
            "accuracy_low": accuracy - 0.015,
            "accuracy_high": accuracy + 0.015,
            "balanced_accuracy": accuracy - 0.02,
            "recall": {emotion: accuracy for emotion in EMOTIONS if emotion != "disgust"},
        }

    return {
        "parameters": 870_215,
        "epochs": 9,
        "best_epoch": 7,
        "val": subset(val),
        "test": subset(test),
        "test_single_view": subset(test - 0.01),
        "test_combined": subset((val + test) / 2),
        **{name: subset(accuracy) for name, accuracy in more.items()},
    }


@pytest.fixture
def four() -> list[Result]:
    """The four models; the transformer is best on val, the cnn on test."""
    rng = np.random.default_rng(1)
    accuracies = {"mlp": (0.5, 0.512), "transformer": (0.7, 0.6), "gnn": (0.4, 0.41), "cnn": (0.69, 0.71)}
    return [
        Result(name, scores(val, test, test_unseen=test - 0.033), answers(rng.random(800) < test))
        for name, (val, test) in accuracies.items()
    ]


@pytest.mark.parametrize(("first", "second"), [(0, 0), (5, 5), (3, 14), (120, 80), (1, 0), (0, 9)])
def test_mcnemar_agrees_with_the_binomial_distribution(first: int, second: int) -> None:
    from scipy.stats import binom

    expected = min(1.0, 2 * binom.cdf(min(first, second), first + second, 0.5))
    assert compare.mcnemar(first, second) == pytest.approx(expected)
    assert compare.mcnemar(second, first) == pytest.approx(expected)


def test_mcnemar_of_the_textbook_sign_test() -> None:
    # 0 of 6 discordant faces: 2 / 2^6.
    assert compare.mcnemar(0, 6) == pytest.approx(0.03125)
    assert compare.mcnemar(100, 2900) > 0


def test_holm_by_hand() -> None:
    # 0.01 x 4, then 0.02 x 3, 0.03 x 2 (raised to the one before), 0.5 x 1.
    assert compare.holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert compare.holm([0.9, 0.8]) == [1.0, 1.0]
    assert compare.holm([]) == []


def test_pairs_count_the_discordant_faces() -> None:
    a = answers(np.array([True, True, True, False, False] * 20))
    b = answers(np.array([True, False, True, True, True] * 20))
    (pair,) = compare.paired([Result("a", {}, a), Result("b", {}, b)], no_copies(100), bootstrap=2000)
    assert (pair.first_only, pair.second_only) == (20, 40)
    assert pair.difference == pytest.approx(0.2)
    assert pair.p == pair.p_holm == compare.mcnemar(20, 40)
    assert pair.low < 0.2 < pair.high
    assert pair.key == "b_over_a"


def test_the_difference_interval_agrees_with_resampling_face_by_face() -> None:
    gain = np.repeat([-1, 1, 0], [40, 90, 270])
    resampled = gain[np.random.default_rng(5).integers(400, size=(20_000, 400))].mean(axis=1)
    found = compare.difference_interval(gain, no_copies(400), 4_000)
    assert found == pytest.approx(tuple(np.percentile(resampled, [2.5, 97.5])), abs=0.006)


def test_copies_widen_the_difference_interval() -> None:
    gain = np.repeat([-1, 1, 0], [40, 90, 270])
    alone = compare.difference_interval(gain, no_copies(400), 2_000)
    tens = compare.difference_interval(gain, np.arange(400) // 10, 2_000)
    # Ten copies are one piece of evidence: the interval grows by the root of ten.
    assert (tens[1] - tens[0]) / (alone[1] - alone[0]) == pytest.approx(10**0.5, rel=0.1)


def test_equal_models_are_not_significant() -> None:
    test = answers(np.arange(50) < 30)
    (pair,) = compare.paired([Result("a", {}, test), Result("b", {}, test)], no_copies(50), bootstrap=100)
    assert (pair.difference, pair.low, pair.high, pair.p) == (0, 0, 0, 1)


def test_a_tiny_p_value_is_not_written_as_0(tmp_path: Path) -> None:
    artifacts.write_json(tmp_path / "a.json", {"p": 1.26e-84, "share": 0.12345, "none": 0.0})
    assert artifacts.read_json(tmp_path / "a.json") == {"p": 1.3e-84, "share": 0.1235, "none": 0.0}


def test_the_ranking_goes_by_val_and_never_by_test(four: list[Result]) -> None:
    found = compare.summary(four, compare.paired(four, no_copies(), 100))
    assert found["best"] == "transformer"
    assert found["rank_on_val"] == {"mlp": 3, "transformer": 1, "gnn": 4, "cnn": 2}
    assert (found["best_val_accuracy"], found["best_test_accuracy"]) == (0.7, 0.6)
    assert len(found["difference"]) == len(found["p_holm"]) == 6
    assert found["difference"]["cnn_over_gnn"] > 0.2


def line(page: str, start: str) -> list[str]:
    """The cells of the first table row that starts with `start`."""
    row = next(row for row in page.splitlines() if row.startswith(f"| {start}"))
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_the_report_holds_the_right_numbers(four: list[Result]) -> None:
    page = markdown.page(four, compare.paired(four, no_copies(), 500), "fer2013", "official")
    assert line(page, "mlp") == [
        "mlp", "51.2 (49.7 to 52.7)", "50.2", "47.9", "50.6", "45.2", "50.0", "870,215", "9",
    ]  # fmt: skip
    assert line(page, "cnn")[5] == "69.99"
    assert line(page, "sad")[2:] == ["60.0", "71.0", "51.2", "41.0"]
    assert line(page, "disgust")[2:] == ["–"] * 4
    assert line(page, "balanced")[1:] == ["800", "58.0", "69.0", "49.2", "39.0"]
    assert "**transformer** is the best of 4 on val (70.0 %)" in page
    assert "514 of its 7,092" in " ".join(page.split())


def test_every_difference_reads_as_a_gain(four: list[Result]) -> None:
    page = markdown.page(four, [Pair("cnn", "gnn", 90, 10, -0.1, -0.13, -0.07, 1e-9, 3e-9)], "fer2013", "official")
    row = next(row for row in page.splitlines() if row.startswith("| cnn ") and "gnn" in row)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["cnn", "gnn", "10.0 (7.0 to 13.0)", "90", "10", "< 0.0001", "yes"]


def test_the_report_admits_a_test_set_that_holds_val(four: list[Result]) -> None:
    combined, official, stratified = (
        " ".join(markdown.page(four, [], "fer2013", name).split()) for name in ("combined", "official", "stratified")
    )
    assert "test faces, val among them" in combined
    assert "no choice" not in combined
    assert "no choice has seen" in official
    assert "val and test together; it contains the faces on which the epoch was chosen" in official
    assert "val is cut from the training faces" in stratified
    assert "on which the epoch was chosen" not in stratified


@pytest.mark.parametrize("dataset", ["drawn", "data/incoming/my_faces"])
def test_other_data_is_never_compared_with_the_original_work(four: list[Result], dataset: str) -> None:
    page = markdown.page(four, compare.paired(four, no_copies(), 100), dataset, "official")
    for trace in ("original", "69.99", "45.2", "PrivateTest", "FER2013"):
        assert trace not in page
    labels = [text.get_text() for text in figures.accuracy_figure(four, dataset).legends[0].get_texts()]
    assert not [label for label in labels if "original" in label or "people" in label]
    assert any("this project" in label for label in labels)


def test_the_picture_shows_the_original_work_on_fer2013(four: list[Result], tmp_path: Path) -> None:
    figure = figures.accuracy_figure(four, "fer2013")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(labels) == len(set(labels)) == 4
    assert any("original" in label for label in labels)
    figures.write_accuracy(tmp_path / "accuracy.png", four, "fer2013")
    assert (tmp_path / "accuracy.png").read_bytes().startswith(b"\x89PNG")


def test_missing_subsets_show_a_dash() -> None:
    only = Result("gnn", scores(0.5, 0.5), answers(np.arange(50) < 25))
    page = markdown.page([only], [], "drawn", "official")
    assert line(page, "gnn")[3] == "–"
    assert "Which of these trainings differ" not in page


def test_table_columns_line_up() -> None:
    rows = markdown.table(["name", "n"], [["a", "1"], ["longer", "1,000"]]).splitlines()
    assert len({len(row) for row in rows}) == 1
    assert rows[1] == "| ------ | ----: |"
    assert rows[2] == "| a      |     1 |"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (92, "92 s"), (100, "2 min"), (2580, "43 min"), (3900, "65 min"), (7980, "2 h 13 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_plot_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot_tables, "PLOTS", tmp_path)
    test = predictions(np.arange(70) < 50)
    plot_tables.write_model("gnn", test)
    confusion = artifacts.read_table(tmp_path / "confusion/gnn.csv")
    assert list(confusion.columns) == ["row", "actual", "predicted"]
    assert (confusion["actual"] == confusion["predicted"]).sum() == 50
    plot_tables.write_comparison(tmp_path / "comparison", {"gnn": confusion})
    recall = artifacts.read_table(tmp_path / "comparison/recall.csv")
    assert (recall["recall"] * recall["faces"]).sum() == pytest.approx(50, abs=0.01)
    reliability = artifacts.read_table(tmp_path / "comparison/reliability.csv")
    assert list(reliability.columns) == ["model", "confidence", "accuracy", "gap", "faces"]
    assert reliability["accuracy"].tolist() == [round(50 / 70, 4)]
    assert reliability["confidence"].tolist() == [0.88]


class TestFiles:
    """Reading what the evaluate stages wrote, and the stage itself."""

    @pytest.fixture
    def project(self, tmp_path: Path, four: list[Result], monkeypatch: pytest.MonkeyPatch) -> Path:
        """A folder with the results of the four models, and no other part of the pipeline."""
        known_params.write(tmp_path / "params.yaml")
        monkeypatch.chdir(tmp_path)
        artifacts.write_table("data/splits.csv", pd.DataFrame({"duplicate_group": no_copies()}))
        rng = np.random.default_rng(1)
        for result in four:
            artifacts.write_json(f"metrics/detail/{result.name}.json", result.metrics)
            plot_tables.write_model(result.name, predictions(rng.random(800) < result.metrics["test"]["accuracy"]))
        return tmp_path

    def test_load(self, project: Path, four: list[Result]) -> None:
        loaded = compare.load()
        assert [result.name for result in loaded] == list(MODELS)
        for result, expected in zip(loaded, four, strict=True):
            np.testing.assert_array_equal(result.correct, expected.correct)

    def test_the_stage_writes_what_it_promises(self, project: Path) -> None:
        from stages.compare import main

        outcome = CliRunner().invoke(main)
        assert outcome.exit_code == 0, outcome.output
        assert "1. transformer" in outcome.output
        assert json.loads((project / "metrics/comparison.json").read_text())["best"] == "transformer"
        assert "69.99" in (project / "reports/comparison.md").read_text()
        assert {path.name for path in (project / "plots/comparison").iterdir()} == {
            "accuracy.png",
            "recall.csv",
            "reliability.csv",
        }

    def test_different_faces_are_refused(self, project: Path) -> None:
        path = project / "plots/confusion/gnn.csv"
        table = artifacts.read_table(path)
        artifacts.write_table(path, table[table["row"] != 7])
        with pytest.raises(FerError, match="mlp and gnn"):
            compare.load()

    def test_incomplete_metrics_name_the_stage_to_rerun(self, project: Path) -> None:
        content = artifacts.read_json(project / "metrics/detail/cnn.json")
        content.pop("val")
        artifacts.write_json(project / "metrics/detail/cnn.json", content)
        with pytest.raises(FerError, match="evaluate@cnn"):
            compare.load()

    def test_a_missing_model_is_one_clear_line(self, project: Path) -> None:
        (project / "metrics/detail/gnn.json").unlink()
        with pytest.raises(FerError, match=r"gnn\.json is missing"):
            compare.load()
