"""`make results`: the table in the terminal."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fer import artifacts, models
from fer.evaluation import results
from tests import known_params
from tests.evaluation.tables import noisy, predicted


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty project, with a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")


def measured(name: str, val: float, test: float, **more: object) -> None:
    """Write what the stage `measure` leaves of a model."""
    from fer.evaluation import plot_tables

    def subset(accuracy: float) -> dict[str, object]:
        low, high = accuracy - 0.01, accuracy + 0.01
        return {"accuracy": accuracy, "accuracy_low": low, "accuracy_high": high, "recall": {}}

    artifacts.write_json(f"metrics/test/{name}.json", {**more, "val": subset(val), "test": subset(test)})
    probabilities, labels = noisy(50)
    plot_tables.write_model(name, predicted(probabilities, labels, np.full(50, "test")))


def test_without_metrics_it_is_one_clear_line() -> None:
    outcome = CliRunner().invoke(results.main)
    assert outcome.exit_code == 1
    assert outcome.output == "Error: No model has been measured: metrics/test is empty. Run `dvc repro`.\n"


def test_the_table_shows_val_and_test_the_best_on_val_first() -> None:
    measured("cnn", 0.5, 0.61, parameters=4_667_011)
    measured("mlp", 0.6, 0.51, parameters=869_383)
    measured("theirs", 0.55, 0.7)
    for name, seconds in (("cnn_head", 60), ("cnn_partial", 60), ("cnn", 3000), ("cnn_other", 9e9), ("mlp", 61)):
        artifacts.write_json(f"metrics/times/{name}.json", {"seconds": seconds})
    outcome = CliRunner().invoke(results.main)
    assert outcome.exit_code == 0, outcome.output
    rows = [
        line.split("  ") for line in outcome.output.splitlines() if line.strip().startswith(("mlp", "cnn", "theirs"))
    ]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert cells == [
        ["mlp", "60.0", "51.0 (50.0 to 52.0)", "869,383", "61 s"],
        ["theirs", "55.0", "70.0 (69.0 to 71.0)", "–", "–"],
        ["cnn", "50.0", "61.0 (60.0 to 62.0)", "4,667,011", "52 min"],
    ]


@pytest.mark.slow
def test_it_needs_no_torch() -> None:
    measured("mlp", 0.6, 0.51)
    code = "import sys; sys.modules['torch'] = None; from fer.evaluation.results import main; main()"
    environment = {"PYTHONPATH": str(known_params.TOP), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "51.0" in done.stdout


@pytest.mark.parametrize("name", models.MODELS)
def test_the_trainings_are_the_model_s_phases(name: str) -> None:
    assert results.trainings(name) == [models.folder(name, phase) for phase in models.network(name).phases]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (92, "92 s"), (100, "2 min"), (2580, "43 min"), (3900, "65 min"), (7980, "2 h 13 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert results.duration(seconds) == text
