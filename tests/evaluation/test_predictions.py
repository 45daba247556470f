"""The table of probabilities."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fer import artifacts
from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.evaluation import ensemble, predictions
from fer.evaluation.predictions import Predictions
from tests.evaluation.tables import noisy, predicted

SPLITS = np.repeat(["val", "test"], 20)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty project."""
    monkeypatch.chdir(tmp_path)


def model(seed: int, known: np.ndarray | None = None, **metadata: object) -> Predictions:
    """Predictions of 40 faces, the same faces for every seed."""
    _, labels = noisy(40)
    return predicted(noisy(40, seed)[0], labels, SPLITS, noisy(40, seed + 50)[0], known, metadata)


def test_a_table_is_read_as_it_was_written() -> None:
    known = np.arange(40) % 3 > 0
    written = model(1, known, parameters=870_215, epochs=9, lr=0.00012)
    predictions.write("mlp", written)
    read = predictions.read("mlp")
    pd.testing.assert_frame_equal(read.table, written.table)
    assert dict(read.metadata) == {"parameters": 870_215, "epochs": 9, "lr": 0.00012}
    assert list(read.table.columns) == [
        "row", "name", "split", "emotion", *EMOTIONS, *(f"{emotion}_single" for emotion in EMOTIONS), "known",
    ]  # fmt: skip
    np.testing.assert_allclose(read.probabilities, noisy(40, 1)[0], atol=1e-6)
    np.testing.assert_array_equal(read.known, known)
    assert read.single_view is not None


def test_equal_tables_are_equal_files() -> None:
    predictions.write("one", model(1, parameters=3))
    predictions.write("two", model(1, parameters=3))
    assert predictions.path("one").read_bytes() == predictions.path("two").read_bytes()


def test_somebody_else_s_table_needs_no_more_than_rows_labels_and_probabilities() -> None:
    table = model(1).table[["emotion", *EMOTIONS, "split", "row"]].sample(frac=1, random_state=0)
    artifacts.write_table(predictions.path("theirs"), table)
    read = predictions.read("theirs")
    assert read.rows.tolist() == list(range(40))
    assert read.single_view is None
    assert read.known.all()
    assert dict(read.metadata) == {}


def test_other_programs_may_round_and_choose_other_kinds_of_columns() -> None:
    table = model(1).table
    rounded = {emotion: table[emotion].round(3) for emotion in EMOTIONS}
    kinds = {"row": "int32", "split": "category", "emotion": "category"}
    artifacts.write_table(predictions.path("theirs"), table.assign(**rounded).astype(kinds))
    averaged = ensemble.average({"theirs": predictions.read("theirs"), "ours": model(2)})
    assert averaged.rows.tolist() == list(range(40))


DAMAGES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "a column is missing": (lambda table: table.drop(columns="fear"), "column fear is missing"),
    "a face twice": (lambda table: table.assign(row=0), "each of them once"),
    "rows are text": (lambda table: table.assign(row=table["row"].astype(str)), "whole numbers"),
    "other emotions": (lambda table: table.assign(emotion="bored"), r"unknown emotions \(bored\)"),
    "NaN": (lambda table: table.assign(sad=np.nan), "NaN instead of a probability"),
    "infinite": (lambda table: table.assign(sad=np.inf), "40 of 40 faces have no probabilities"),
    "logits": (lambda table: table.assign(sad=table["sad"] * 9 - 4), "40 of 40 faces have no probabilities"),
    "text": (lambda table: table.assign(sad="much"), "are not numbers"),
    "half of the single view": (lambda table: table.drop(columns="sad_single"), "single view"),
    "a wrong single view": (lambda table: table.assign(sad_single=2.0), "40 of 40 faces"),
    "known is text": (lambda table: table.assign(known="yes"), "known must be true or false"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_wrong_table_is_one_clear_line(damage: str) -> None:
    change, said = DAMAGES[damage]
    artifacts.write_table(predictions.path("mlp"), change(model(1).table))
    with pytest.raises(FerError, match=said) as caught:
        predictions.read("mlp")
    assert "mlp.parquet" in str(caught.value.message)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 99, b"PAR1" + b"\xff" * 64 + b"PAR1"])
def test_a_damaged_file_is_one_clear_line(content: bytes) -> None:
    predictions.path("mlp").parent.mkdir(parents=True)
    predictions.path("mlp").write_bytes(content)
    with pytest.raises(FerError, match=r"mlp\.parquet can't be read"):
        predictions.read("mlp")


def test_a_cut_file_is_one_clear_line() -> None:
    predictions.write("mlp", model(1))
    whole = predictions.path("mlp").read_bytes()
    for length in (10, len(whole) // 2, len(whole) - 1):
        predictions.path("mlp").write_bytes(whole[:length])
        with pytest.raises(FerError, match=r"mlp\.parquet can't be read"):
            predictions.read("mlp")


def test_a_folder_instead_of_the_file_is_one_clear_line() -> None:
    predictions.path("mlp").mkdir(parents=True)
    with pytest.raises(FerError, match=r"mlp\.parquet"):
        predictions.read("mlp")


def test_a_diverged_model_is_not_written() -> None:
    answers = model(1)
    with pytest.raises(FerError, match=r"mlp: NaN instead of a probability\. The training diverged"):
        predictions.write("mlp", Predictions(answers.table.assign(sad=np.nan)))
    assert not predictions.path("mlp").exists()


@pytest.mark.parametrize("name", ["../mlp", "a/b", ""])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(FerError, match="not the name of a model"):
        predictions.path(name)
