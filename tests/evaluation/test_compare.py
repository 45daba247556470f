"""Ranking, pairs, the report, the picture, and the stage that writes them."""

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
from fer.evaluation import compare, figures, markdown, plot_tables, significance
from fer.evaluation.compare import MeasuredModel, Pair
from fer.evaluation.predictions import Predictions
from tests import known_params
from tests.evaluation.tables import one_hot, predicted


def predictions(right: np.ndarray, seed: int = 0) -> Predictions:
    """Predictions of test faces, which are recognised where `right` says so."""
    labels = np.random.default_rng(seed).integers(7, size=len(right))
    return predicted(one_hot(np.where(right, labels, (labels + 1) % 7), 0.88), labels, np.full(len(right), "test"))


def answers(right: np.ndarray, seed: int = 0) -> pd.DataFrame:
    """The same as `plots/confusion/<name>.csv` holds them."""
    return plot_tables.confusion_table(predictions(right, seed))


def no_copies(faces: int = 800) -> np.ndarray:
    """Groups of copies of a set without any."""
    return np.full(faces, -1)


def scores(val: float, test: float, **more: Any) -> dict[str, Any]:
    """The content of `metrics/test/<name>.json`, as far as the comparison reads it."""

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
def four() -> list[MeasuredModel]:
    """The four models; the transformer is best on val, the cnn on test."""
    rng = np.random.default_rng(1)
    accuracies = {"mlp": (0.5, 0.512), "transformer": (0.7, 0.6), "gnn": (0.4, 0.41), "cnn": (0.69, 0.71)}
    return [
        MeasuredModel(name, scores(val, test, test_unseen=test - 0.033), answers(rng.random(800) < test))
        for name, (val, test) in accuracies.items()
    ]


def test_pairs_count_the_discordant_faces() -> None:
    a = answers(np.array([True, True, True, False, False] * 20))
    b = answers(np.array([True, False, True, True, True] * 20))
    (pair,) = compare.paired([MeasuredModel("a", {}, a), MeasuredModel("b", {}, b)], no_copies(100), bootstrap=2000)
    assert (pair.first_only, pair.second_only) == (20, 40)
    assert pair.difference == pytest.approx(0.2)
    assert pair.p == pair.p_holm == significance.mcnemar(np.repeat([-1, 1], [20, 40]), no_copies(60))
    assert pair.low < 0.2 < pair.high
    assert pair.key == "b_over_a"


def test_a_pair_counts_every_face_but_takes_copies_for_one_piece_of_evidence() -> None:
    a, b = answers(np.arange(100) < 40), answers((np.arange(100) < 30) | (np.arange(100) >= 70))
    models = [MeasuredModel("a", {}, a), MeasuredModel("b", {}, b)]
    (single,) = compare.paired(models, no_copies(100), bootstrap=500)
    (copied,) = compare.paired(models, np.arange(100) // 5, bootstrap=500)
    assert (copied.first_only, copied.second_only, copied.difference) == (10, 30, pytest.approx(0.2))
    assert copied.p == pytest.approx(significance.mcnemar(np.repeat([-1, 1], [2, 6]), no_copies(8)))
    assert copied.p > 10 * single.p
    assert copied.high - copied.low > 1.5 * (single.high - single.low)


def test_equal_models_are_not_significant() -> None:
    test = answers(np.arange(50) < 30)
    (pair,) = compare.paired([MeasuredModel("a", {}, test), MeasuredModel("b", {}, test)], no_copies(50), bootstrap=100)
    assert (pair.difference, pair.low, pair.high, pair.p) == (0, 0, 0, 1)


def test_a_tiny_p_value_is_not_written_as_0(tmp_path: Path) -> None:
    artifacts.write_json(tmp_path / "a.json", {"p": 1.26e-84, "share": 0.12345, "none": 0.0})
    assert artifacts.read_json(tmp_path / "a.json") == {"p": 1.3e-84, "share": 0.1235, "none": 0.0}


def test_the_ranking_goes_by_val_and_never_by_test(four: list[MeasuredModel]) -> None:
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


def test_the_report_holds_the_right_numbers(four: list[MeasuredModel]) -> None:
    page = markdown.page(four, compare.paired(four, no_copies(), 500), "fer2013", "official")
    assert line(page, "mlp") == [
        "mlp", "50.0", "51.2 (49.7 to 52.7)", "50.2", "47.9", "50.6", "45.2", "870,215", "9",
    ]  # fmt: skip
    assert line(page, "cnn")[6] == "69.99"
    assert line(page, "sad")[2:] == ["60.0", "71.0", "51.2", "41.0"]
    assert line(page, "disgust")[2:] == ["–"] * 4
    assert line(page, "balanced")[1:] == ["800", "58.0", "69.0", "49.2", "39.0"]
    assert "**transformer** is the best of 4, with 70.0 %" in " ".join(page.split())
    assert "group of copies of one face counts as one face" in " ".join(page.split())
    assert "514 of its 7,092" in " ".join(page.split())


def test_every_difference_reads_as_a_gain(four: list[MeasuredModel]) -> None:
    page = markdown.page(four, [Pair("cnn", "gnn", 90, 10, -0.1, -0.13, -0.07, 1e-9, 3e-9)], "fer2013", "official")
    row = next(row for row in page.splitlines() if row.startswith("| cnn ") and "gnn" in row)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["cnn", "gnn", "10.0 (7.0 to 13.0)", "90", "10", "< 0.0001", "yes"]


def test_the_report_admits_a_test_set_that_holds_val(four: list[MeasuredModel]) -> None:
    combined, official, stratified = (
        " ".join(markdown.page(four, [], "fer2013", name).split()) for name in ("combined", "official", "stratified")
    )
    assert "test faces, which include val" in combined
    assert "no choice" not in combined
    assert "which no choice has used" in official
    assert "it contains the faces on which the epoch was chosen" in official
    assert "val is cut from the training faces" in stratified
    assert "on which the epoch was chosen" not in stratified


@pytest.mark.parametrize("dataset", ["drawn", "data/incoming/my_faces"])
def test_other_data_is_never_compared_with_the_original_work(four: list[MeasuredModel], dataset: str) -> None:
    page = markdown.page(four, compare.paired(four, no_copies(), 100), dataset, "official")
    for trace in ("original", "69.99", "45.2", "PrivateTest", "FER2013"):
        assert trace not in page
    labels = [text.get_text() for text in figures.accuracy_figure(four, dataset).legends[0].get_texts()]
    assert not [label for label in labels if "original" in label or "people" in label]
    assert any("this project" in label for label in labels)


def test_the_picture_shows_the_original_work_on_fer2013(four: list[MeasuredModel], tmp_path: Path) -> None:
    figure = figures.accuracy_figure(four, "fer2013")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(labels) == len(set(labels)) == 5
    assert any("original" in label for label in labels)
    figures.write_accuracy(tmp_path / "accuracy.png", four, "fer2013")
    assert (tmp_path / "accuracy.png").read_bytes().startswith(b"\x89PNG")


def test_missing_subsets_show_a_dash() -> None:
    only = MeasuredModel("gnn", scores(0.5, 0.5), answers(np.arange(50) < 25))
    page = markdown.page([only], [], "drawn", "official")
    assert line(page, "gnn")[4] == "–"
    assert "Which of these models differ" not in page


def test_what_is_not_known_of_a_model_is_a_dash() -> None:
    metrics = {key: value for key, value in scores(0.5, 0.5).items() if isinstance(value, dict)}
    del metrics["test_single_view"]
    page = markdown.page([MeasuredModel("theirs", metrics, answers(np.arange(50) < 25))], [], "drawn", "official")
    assert line(page, "theirs") == ["theirs", "50.0", "50.0 (48.5 to 51.5)", "–", "–", "50.0", "–", "–"]


def test_the_report_names_the_members_of_an_ensemble(four: list[MeasuredModel]) -> None:
    metrics = {**scores(0.9, 0.8), "members": {"cnn": 0.34, "mlp": 0.33, "gnn": 0.33}}
    del metrics["epochs"]
    page = markdown.page([*four, MeasuredModel("three", metrics, four[0].answers)], [], "fer2013", "official")
    assert "**three** is the mean of cnn, mlp and gnn." in " ".join(page.split())
    assert line(page, "three")[-3:] == ["–", "870,215", "–"]


def test_the_report_tells_the_weights_of_an_ensemble_and_what_equal_ones_give(four: list[MeasuredModel]) -> None:
    metrics = {**scores(0.9, 0.8), "members": {"cnn": 0.7, "mlp": 0.3}, "equal_weights": {"val": 0.85, "log_loss": 0.9}}
    metrics["val"]["log_loss"] = 0.75
    page = markdown.page([*four, MeasuredModel("two", metrics, four[0].answers)], [], "fer2013", "official")
    page = " ".join(page.split())
    assert "**two** is the weighted mean of cnn (0.70) and mlp (0.30)." in page
    assert "90.0 % and log loss 0.750; with equal weights 85.0 % and 0.900." in page


def test_table_columns_line_up() -> None:
    rows = markdown.table(["name", "n"], [["a", "1"], ["longer", "1,000"]]).splitlines()
    assert len({len(row) for row in rows}) == 1
    assert rows[1] == "| ------ | ----: |"
    assert rows[2] == "| a      |     1 |"


def test_plot_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    test = predictions(np.arange(70) < 50)
    plot_tables.write_model("gnn", test)
    confusion = artifacts.read_table("plots/confusion/gnn.csv")
    assert list(confusion.columns) == ["row", "actual", "predicted"]
    assert (confusion["actual"] == confusion["predicted"]).sum() == 50
    plot_tables.write_comparison(Path("plots/comparison"), {"gnn": confusion})
    recall = artifacts.read_table("plots/comparison/recall.csv")
    assert (recall["recall"] * recall["faces"]).sum() == pytest.approx(50, abs=0.01)
    reliability = artifacts.read_table("plots/comparison/reliability.csv")
    assert list(reliability.columns) == ["model", "confidence", "accuracy", "gap", "faces"]
    assert reliability["accuracy"].tolist() == [round(50 / 70, 4)]
    assert reliability["confidence"].tolist() == [0.88]


class TestFiles:
    """Reading what the stage `measure` has left, and the stage `compare`."""

    @pytest.fixture
    def project(self, tmp_path: Path, four: list[MeasuredModel], monkeypatch: pytest.MonkeyPatch) -> Path:
        """A folder with the results of the four models, and no other part of the pipeline."""
        known_params.write(tmp_path / "params.yaml")
        monkeypatch.chdir(tmp_path)
        artifacts.write_table("data/splits.csv", pd.DataFrame({"duplicate_group": no_copies()}))
        rng = np.random.default_rng(1)
        for result in four:
            artifacts.write_json(f"metrics/test/{result.name}.json", result.metrics)
            plot_tables.write_model(result.name, predictions(rng.random(800) < result.metrics["test"]["accuracy"]))
        return tmp_path

    def test_load(self, project: Path, four: list[MeasuredModel]) -> None:
        loaded = compare.load()
        assert [model.name for model in loaded] == [model.name for model in four]
        for result, expected in zip(loaded, four, strict=True):
            np.testing.assert_array_equal(result.correct, expected.correct)

    @pytest.mark.slow
    def test_the_stage_writes_what_it_promises(self, project: Path) -> None:
        from stages.compare import main

        outcome = CliRunner().invoke(main)
        assert outcome.exit_code == 0, outcome.output
        assert "1. transformer   70.0 % of val" in outcome.output
        assert "60.0" not in outcome.output, "the output of the tuning loop tells of test"
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
        content = artifacts.read_json(project / "metrics/test/cnn.json")
        content.pop("val")
        artifacts.write_json(project / "metrics/test/cnn.json", content)
        with pytest.raises(FerError, match=r"stages\.measure cnn"):
            compare.load()

    @pytest.mark.slow
    def test_whatever_is_measured_gets_its_row(self, project: Path) -> None:
        for name in ("theirs", "all_four"):
            artifacts.write_json(f"metrics/test/{name}.json", artifacts.read_json("metrics/test/gnn.json"))
            plot_tables.write_model(name, predictions(np.arange(800) < 300))
        (project / "metrics/test/transformer.json").unlink()
        assert compare.names() == ["mlp", "gnn", "cnn", "all_four", "theirs"]
        from stages.compare import main

        outcome = CliRunner().invoke(main)
        assert outcome.exit_code == 0, outcome.output
        page = (project / "reports/comparison.md").read_text()
        assert line(page, "theirs")[6] == line(page, "all_four")[6] == "–"
        assert len(json.loads((project / "metrics/comparison.json").read_text())["p_holm"]) == 10

    def test_nothing_measured_is_one_clear_line(self, project: Path) -> None:
        for path in (project / "metrics/test").iterdir():
            path.unlink()
        with pytest.raises(FerError, match="No model has been measured"):
            compare.load()

    def test_missing_answers_are_one_clear_line(self, project: Path) -> None:
        (project / "plots/confusion/gnn.csv").unlink()
        with pytest.raises(FerError, match=r"gnn\.csv is missing"):
            compare.load()

    @pytest.mark.parametrize("content", ["[]", "{}", '{"val": 3, "test": []}', '{"val": {}, "test": {}}'])
    def test_damaged_metrics_are_one_clear_line(self, project: Path, content: str) -> None:
        (project / "metrics/test/gnn.json").write_text(content)
        with pytest.raises(FerError, match="gnn"):
            compare.load()


def test_a_model_that_recognises_no_face_is_drawn_too() -> None:
    low, high = significance.accuracy_interval(0.0, 3)
    assert low > 0  # by a rounding error
    test = {"accuracy": 0.0, "accuracy_low": low, "accuracy_high": high}
    metrics = artifacts.rounded({"test": test, "val": test})
    figures.accuracy_figure([MeasuredModel("mlp", metrics, answers(np.zeros(3, bool)))], "drawn")
