"""The error analysis: its numbers on a set whose errors are known, and the stage that writes page and pictures."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image

from fer import artifacts, paths
from fer.data.faces import Faces
from fer.data.sets.ferplus import VOTED, FerPlus
from fer.emotions import EMOTIONS, INDEX
from fer.evaluation import error_analysis, error_page, metrics, predictions
from fer.evaluation.error_page import Answered
from fer.evaluation.predictions import Predictions
from stages import error_analysis as stage
from tests import known_params
from tests.evaluation.tables import noisy, one_hot, predicted, splits_table

COUNT = 60
SPLITS = np.repeat(["train", "val", "test"], 20)


@pytest.fixture
def faces() -> Faces:
    """Sixty faces of three splits, every emotion in each."""
    images = np.random.default_rng(0).integers(0, 256, (COUNT, 48, 48), np.uint8)
    emotions = [EMOTIONS[row % 20 % 7] for row in range(COUNT)]
    names = [f"{emotion}/PublicTest_{row:03d}" for row, emotion in enumerate(emotions)]
    return Faces(images, pd.DataFrame({"name": names, "usage": "PublicTest", "emotion": emotions}))


def answers(labels: np.ndarray, given: dict[int, str], confidence: float = 0.8, **more: object) -> Predictions:
    """Answers that are right but for those given, by row."""
    told = labels.copy()
    told[list(given)] = [INDEX[emotion] for emotion in given.values()]
    return predicted(one_hot(told, confidence), labels, SPLITS, **more)


def on_val(faces: Faces, recorded: Predictions, groups: np.ndarray, votes: np.ndarray | None = None) -> Answered:
    """What the stage makes of a model's answers."""
    known = error_analysis.of_faces(faces, splits_table(SPLITS, groups), np.arange(COUNT) != 20, votes)
    part = Predictions(recorded.table[SPLITS == "val"], recorded.metadata)
    measured = metrics.measure(part.probabilities, part.labels)
    return Answered("m", part, measured, error_analysis.of_answers(part, known))


def no_copies() -> np.ndarray:
    return np.full(COUNT, -1)


def test_a_face_s_row_says_what_is_known_of_it(faces: Faces) -> None:
    groups = no_copies()
    groups[[3, 23]], groups[[21, 25, 41]] = 0, 1  # happy in train and val; disgust and sad in val, disgust in test
    faces.images[23] = faces.images[3]
    votes = np.zeros((COUNT, 10), np.int64)
    votes[21, VOTED.index("sad")], votes[22, [0, 1]], votes[23, VOTED.index("no face")] = 9, 5, 10
    table = on_val(faces, answers(faces.labels, {21: "sad", 22: "happy"}), groups, votes).table
    assert list(table.index) == list(range(20, 40))
    assert list(table.index[table["wrong"]]) == [21, 22]
    assert list(table.index[table["copy_in_train"]]) == [23]
    assert list(table.index[table["copy_disagrees"]]) == [21, 25]
    assert bool(table.loc[21, "on_copy"])
    assert not table.loc[22, "on_copy"]
    assert table.loc[23, "identical"] >= 0
    assert (table["identical"] == table.loc[23, "identical"]).sum() == 1  # its twin is in train
    assert list(table.loc[[21, 22, 23, 24], "plurality"]) == ["sad", "", "no face", ""]
    assert list(table.loc[[21, 22, 23, 24], "clear"]) == [True, False, False, False]
    assert list(table.loc[[21, 22, 23, 24], "voted"]) == [True, True, True, False]


def test_pairs_count_both_directions_and_second_answers(faces: Faces) -> None:
    recorded = answers(faces.labels, {20: "sad", 34: "sad", 25: "angry", 22: "happy"})  # 20 and 34 are angry, 25 sad
    recorded.table.loc[20, "angry"] += 0.01
    recorded.table.loc[[25, 34], "fear"] += 0.01
    found = error_analysis.confusions(on_val(faces, recorded, no_copies()).table)
    assert found.iloc[0].to_dict() == {
        "pair": "angry, sad",
        "as_second": 2,
        "as_first": 1,
        "errors": 3,
        "second": 1 / 3,
    }
    assert found["errors"].sum() == 4


def test_the_ceiling_of_labels_lies_between_their_agreement_and_its_root() -> None:
    rng, count = np.random.default_rng(1), 4000
    chances = rng.dirichlet([0.4] * 3, count)
    labels = np.array([rng.choice(3, 2, p=chance) for chance in chances]).ravel()
    faces = pd.DataFrame({"label": np.array(EMOTIONS)[labels], "copies": np.arange(count).repeat(2)})
    groups, conflicting, same = error_analysis.agreement(faces, "copies")
    assert groups == count
    assert same == pytest.approx(1 - conflicting / count)
    assert same < chances.max(axis=1).mean() < same**0.5
    alone = faces.assign(copies=np.arange(2 * count))
    assert error_analysis.agreement(alone, "copies") == (0, 0, 1.0)


def test_taking_the_temperature_back_gives_the_softmax_of_the_logits() -> None:
    logits = np.random.default_rng(2).normal(size=(50, 7)) * 3
    softmax = lambda values: np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)  # noqa: E731
    labels = np.arange(50) % 7
    recorded = predicted(
        softmax(logits / 1.7), labels, np.full(50, "val"), softmax(logits / 1.7), metadata={"temperature": 1.7}
    )
    before, after, mean = error_analysis.calibrations(recorded).values()
    np.testing.assert_allclose(before, softmax(logits), atol=1e-5)
    np.testing.assert_allclose(after, mean)
    ensemble = predicted(softmax(logits), labels, np.full(50, "val"), softmax(logits))
    assert list(error_analysis.calibrations(ensemble)) == ["one view", "mean of the test-time views"]


def test_what_the_errors_suggest_follows_from_them(faces: Faces) -> None:
    given = {20: "sad", 21: "sad", 28: "sad", 35: "sad"}  # three of four are all that is labelled disgust
    votes = np.zeros((COUNT, 10), np.int64)
    votes[[21, 28], VOTED.index("sad")], votes[35, VOTED.index("disgust")] = 9, 9
    val = on_val(faces, answers(faces.labels, given), no_copies(), votes)
    other = on_val(faces, answers(faces.labels, {21: "sad", 30: "sad"}), no_copies())
    found = error_page.suggestions(val, {"other": other})
    shares = [share for share, _ in found]
    assert shares == sorted(shares, reverse=True)
    texts = {text.split("**")[1]: (share, text) for share, text in found}
    assert texts["disgust, sad"][0] == texts["disgust"][0] == pytest.approx(3 / 20)
    assert "too rarely: `optim.class_weights` may help (0 for 3)" in texts["disgust"][1]
    assert texts["another model is right"][0] == pytest.approx(3 / 20)
    assert texts["FER+'s annotators say what the model says"][0] == pytest.approx(2 / 20)
    assert "for 5.0 points they say what the label" in texts["FER+'s annotators say what the model says"][1]
    assert texts["no landmarks found"][0] == pytest.approx(1 / 20)
    assert not any("confidence" in key or "copy" in key for key in texts)  # nothing of the kind is wrong
    without = error_page.suggestions(on_val(faces, answers(faces.labels, given), no_copies()), {})
    assert {text.split("**")[1] for _, text in without} == {"disgust, sad", "disgust", "no landmarks found"}
    assert error_page.suggestions(on_val(faces, answers(faces.labels, {}), no_copies()), {}) == []


@pytest.fixture
def project(faces: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Faces:
    """A project whose models have answered; the gnn is the best on val, and the mlp on test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FERPLUS_ARCHIVE", raising=False)
    known_params.write(Path("params.yaml"))
    faces.save(paths.FACES)
    groups = no_copies()
    groups[[0, 20, 22]] = 0
    artifacts.write_table(paths.SPLITS, splits_table(SPLITS, groups))
    artifacts.write_array(paths.LANDMARKS / "views.npy", np.where(np.arange(COUNT) == 25, 0, 2).astype(np.uint8))
    single, _ = noisy(COUNT)
    wrong = {"mlp": [*range(20, 30)], "gnn": [25, 26, 40, 41, 42]}
    for name, rows in wrong.items():
        given = {row: "sad" if faces.labels[row] != INDEX["sad"] else "fear" for row in rows}
        recorded = answers(faces.labels, given, 0.95, single_view=single, metadata={"temperature": 0.9})
        predictions.write(
            name, Predictions(recorded.table[SPLITS != "train"].reset_index(drop=True), recorded.metadata)
        )
    return faces


def run(fails: bool = False) -> str:
    outcome = CliRunner().invoke(stage.main, [])
    assert bool(outcome.exit_code) == fails, (outcome.output, outcome.exception)
    return outcome.output


@pytest.mark.slow
def test_the_stage_writes_a_page_of_the_best_model_on_val_and_two_pictures(project: Faces) -> None:
    assert "gnn: 2 of 20 faces of val are misread" in run()
    page = Path("reports/error_analysis.md").read_text()
    assert page.startswith("# Errors of the gnn\n")
    assert "right for 90.0 %" in page
    before, after = page.split("## On test")
    assert "right for 85.0 %" in " ".join(after.split())
    assert "85.0 %" not in before
    assert "| mlp " in before
    assert "before the temperature" in before
    assert "FER+'s votes were not at hand" in before
    assert max(map(len, (line for line in page.splitlines() if line[:1] not in "|!"))) <= 110
    for name in ("errors.png", "confident_errors.png"):
        assert Image.open(f"plots/error_analysis/{name}").width > 500
    first = Path("reports/error_analysis.md").read_bytes(), Path("plots/error_analysis/errors.png").read_bytes()
    run()
    assert first == (
        Path("reports/error_analysis.md").read_bytes(),
        Path("plots/error_analysis/errors.png").read_bytes(),
    )


@pytest.mark.slow
def test_the_stage_reads_fer_plus_where_it_is_and_another_model_where_it_is_named(project: Faces) -> None:
    order = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
    rows = [f"{name.partition('/')[2]},0,0,0,9,0,0,0,0,1,0" for name in project.table["name"]]
    Path("data/incoming").mkdir()
    Path("data/incoming/ferplus.csv").write_text("\n".join([f"name,{','.join(order)}", *rows]))
    content = yaml.safe_load(Path("params.yaml").read_text())
    content["evaluate"]["errors_of"] = "mlp"
    Path("params.yaml").write_text(yaml.safe_dump(content))
    assert "mlp: 10 of 20" in run()
    page = " ".join(Path("reports/error_analysis.md").read_text().split())
    share = 100 * np.mean(project.labels[20:40] == INDEX["sad"])
    assert f"on 20 of these faces. The label has the most votes for {share:.1f} %" in page
    assert "its answer in 90.0 %" in page  # but for the sad face
    content["evaluate"]["errors_of"] = "cnn"
    Path("params.yaml").write_text(yaml.safe_dump(content))
    assert "data/predictions holds no answers of the model cnn. Run `dvc repro`." in run(fails=True)


def test_votes_are_looked_for_on_fer2013_alone(project: Faces, params, change, monkeypatch) -> None:
    Path("votes.csv").touch()
    monkeypatch.setenv("FERPLUS_ARCHIVE", "votes.csv")
    assert FerPlus().votes_on(params.data) == Path("votes.csv")
    assert FerPlus().votes_on(change(params.data, dataset="drawn")) is None
