"""Ranking, paired significance, the report and the picture."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from fer import artifacts
from fer.emotions import EMOTIONS, MODELS
from fer.errors import FerError
from fer.evaluation import compare, figures, markdown, picture
from fer.evaluation.compare import Pair, Result
from tests import known_params


def predictions(right: np.ndarray, seed: int = 0) -> pd.DataFrame:
    """A predictions file of test faces that are recognised where `right` says so."""
    labels = np.random.default_rng(seed).integers(7, size=len(right))
    predicted = np.where(right, labels, (labels + 1) % 7)
    frame = pd.DataFrame(np.eye(7, dtype=np.float32)[predicted] * 0.86 + 0.02, columns=list(EMOTIONS))
    frame.insert(0, "emotion", np.array(EMOTIONS)[labels])
    frame.insert(0, "split", "test")
    frame.insert(0, "name", [f"face{index:05d}" for index in range(len(frame))])
    return frame


def scores(val: float, test: float, **more: Any) -> dict[str, Any]:
    """The content of `metrics/<name>.json`, as far as the comparison reads it."""

    def subset(accuracy: float) -> dict[str, Any]:
        return {
            "accuracy": accuracy,
            "accuracy_low": accuracy - 0.015,
            "accuracy_high": accuracy + 0.015,
            "balanced_accuracy": accuracy - 0.02,
            "recall": {emotion: accuracy for emotion in EMOTIONS if emotion != "disgust"},
        }

    training = {"seconds": 3900.0, "epochs": 9, "best_epoch": 7, "faces_per_second": 90.0, "device": "cpu"}
    return {
        "parameters": 870_215,
        "training": training,
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
    accuracies = {"classifier": (0.5, 0.512), "transformer": (0.7, 0.6), "gnn": (0.4, 0.41), "cnn": (0.69, 0.71)}
    return [
        Result(name, scores(val, test, test_unseen=test - 0.033), predictions(rng.random(800) < test))
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


def test_holm_by_hand() -> None:
    # 0.01 x 4, then 0.02 x 3, 0.03 x 2 (raised to the one before), 0.5 x 1.
    assert compare.holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert compare.holm([0.9, 0.8]) == [1.0, 1.0]
    assert compare.holm([]) == []


def test_pairs_count_the_discordant_faces() -> None:
    a = predictions(np.array([True, True, True, False, False] * 20))
    b = predictions(np.array([True, False, True, True, True] * 20))
    (pair,) = compare.paired([Result("a", {}, a), Result("b", {}, b)], bootstrap=2000)
    assert (pair.first_only, pair.second_only) == (20, 40)
    assert pair.difference == pytest.approx(0.2)
    assert pair.p == pair.p_holm == compare.mcnemar(20, 40)
    assert pair.low < 0.2 < pair.high
    assert pair.key == "b_over_a"


def test_the_difference_interval_agrees_with_resampling_face_by_face() -> None:
    gain = np.repeat([-1, 1, 0], [40, 90, 270])
    resampled = gain[np.random.default_rng(5).integers(400, size=(20_000, 400))].mean(axis=1)
    found = compare.difference_interval(40, 90, 400, 20_000)
    assert found == pytest.approx(tuple(np.percentile(resampled, [2.5, 97.5])), abs=0.005)


def test_equal_models_are_not_significant() -> None:
    test = predictions(np.arange(50) < 30)
    (pair,) = compare.paired([Result("a", {}, test), Result("b", {}, test)], bootstrap=100)
    assert (pair.difference, pair.low, pair.high, pair.p) == (0, 0, 0, 1)


def test_the_ranking_goes_by_val_and_never_by_test(four: list[Result]) -> None:
    found = compare.summary(four, compare.paired(four, 100))
    assert found["best"] == "transformer"
    assert found["rank_on_val"] == {"classifier": 3, "transformer": 1, "gnn": 4, "cnn": 2}
    assert (found["best_val_accuracy"], found["best_test_accuracy"]) == (0.7, 0.6)
    assert len(found["difference"]) == len(found["p_holm"]) == 6
    assert found["difference"]["cnn_over_gnn"] > 0.2


def line(page: str, start: str) -> list[str]:
    """The cells of the first table row that starts with `start`."""
    row = next(row for row in page.splitlines() if row.startswith(f"| {start}"))
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_the_report_holds_the_right_numbers(four: list[Result]) -> None:
    page = markdown.page(four, compare.paired(four, 500), "fer2013", "official")
    assert line(page, "classifier") == [
        "classifier", "51.2 (49.7 to 52.7)", "50.2", "47.9", "50.6", "45.2", "50.0", "870,215", "65 min on cpu",
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
    page = markdown.page(four, compare.paired(four, 100), dataset, "official")
    for trace in ("original", "69.99", "45.2", "PrivateTest", "FER2013"):
        assert trace not in page
    labels = [text.get_text() for text in picture.accuracy_figure(four, dataset).legends[0].get_texts()]
    assert not [label for label in labels if "original" in label or "people" in label]
    assert any("this project" in label for label in labels)


def test_the_picture_shows_the_original_work_on_fer2013(four: list[Result], tmp_path: Path) -> None:
    figure = picture.accuracy_figure(four, "fer2013")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(labels) == len(set(labels)) == 4
    assert any("original" in label for label in labels)
    picture.write_accuracy(tmp_path / "accuracy.png", four, "fer2013")
    assert (tmp_path / "accuracy.png").read_bytes().startswith(b"\x89PNG")


def test_missing_subsets_show_a_dash() -> None:
    only = Result("gnn", scores(0.5, 0.5), predictions(np.arange(50) < 25))
    page = markdown.page([only], [], "drawn", "official")
    assert line(page, "gnn")[3] == "–"
    assert "Which differences are real" not in page


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
    assert markdown.duration(seconds) == text


def test_plot_tables_of_one_model(tmp_path: Path) -> None:
    test = predictions(np.arange(70) < 50)
    figures.write_model_plots(tmp_path / "gnn", "gnn", test)
    confusion = artifacts.read_table(tmp_path / "gnn" / "confusion.csv")
    assert list(confusion.columns) == ["model", "actual", "predicted"]
    assert (confusion["actual"] == confusion["predicted"]).sum() == 50
    recall = artifacts.read_table(tmp_path / "gnn" / "recall.csv")
    assert (recall["recall"] * recall["faces"]).sum() == pytest.approx(50, abs=0.01)
    reliability = artifacts.read_table(tmp_path / "gnn" / "reliability.csv")
    assert list(reliability.columns) == ["model", "confidence", "accuracy", "gap", "faces"]
    assert reliability["accuracy"].tolist() == [round(50 / 70, 4)]
    assert reliability["confidence"].tolist() == [0.88]


class TestFiles:
    """Reading what the evaluate stages wrote, and the stage itself."""

    @pytest.fixture
    def project(self, tmp_path: Path, four: list[Result], monkeypatch: pytest.MonkeyPatch) -> Path:
        """A folder with the results of the four models, and no other part of the pipeline."""
        known_params.write(tmp_path / "params.yaml")
        for result in four:
            artifacts.write_json(tmp_path / f"metrics/{result.name}.json", result.metrics)
            frame = pd.concat([result.test, result.test.assign(split="val")])
            # Another order in each file: models are paired by name, not by row.
            frame = frame.sample(frac=1, random_state=len(result.name))
            artifacts.write_table(tmp_path / f"data/predictions/{result.name}.parquet", frame)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    def test_load_pairs_the_test_faces_by_name(self, project: Path, four: list[Result]) -> None:
        loaded = compare.load("official")
        assert [result.name for result in loaded] == list(MODELS)
        for result, expected in zip(loaded, four, strict=True):
            np.testing.assert_array_equal(result.correct, expected.correct)

    def test_the_stage_writes_its_three_files(self, project: Path) -> None:
        from stages.compare import main

        outcome = CliRunner().invoke(main)
        assert outcome.exit_code == 0, outcome.output
        assert "1. transformer" in outcome.output
        assert json.loads((project / "metrics/comparison.json").read_text())["best"] == "transformer"
        assert "69.99" in (project / "reports/comparison.md").read_text()
        assert (project / "plots/comparison/accuracy.png").is_file()

    def test_val_belongs_to_test_under_the_combined_protocol(self, project: Path) -> None:
        assert [len(result.test) for result in compare.load("combined")] == [1600] * 4
        assert [len(result.test) for result in compare.load("stratified")] == [800] * 4

    def test_different_faces_are_refused(self, project: Path) -> None:
        path = project / "data/predictions/gnn.parquet"
        table = artifacts.read_table(path)
        artifacts.write_table(path, table[table["name"] != "face00007"])
        with pytest.raises(FerError, match="classifier and gnn"):
            compare.load("official")

    def test_incomplete_metrics_name_the_stage_to_rerun(self, project: Path) -> None:
        content = artifacts.read_json(project / "metrics/cnn.json")
        content.pop("val")
        artifacts.write_json(project / "metrics/cnn.json", content)
        with pytest.raises(FerError, match="evaluate@cnn"):
            compare.load("official")

    def test_a_missing_model_is_one_clear_line(self, project: Path) -> None:
        (project / "metrics/gnn.json").unlink()
        with pytest.raises(FerError, match=r"gnn\.json is missing"):
            compare.load("official")
