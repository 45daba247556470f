"""The spread over seeds: its file, its place in the report, and what keeps it out of there."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fer import artifacts, config, config_file
from fer.errors import FerError
from fer.evaluation import plot_tables, spread
from fer.evaluation.spread import Spread
from tests import known_params
from tests.evaluation.tables import noisy, predicted

RUNS = {2: {"val": 0.6, "log_loss": 1.1}, 1: {"val": 0.59, "log_loss": 1.0}, 7: {"val": 0.604, "log_loss": 1.2}}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a project with two measured models."""
    monkeypatch.chdir(tmp_path)
    known_params.write(Path("params.yaml"))
    probabilities, labels = noisy(50)
    scores = {"accuracy": 0.6, "accuracy_low": 0.5, "accuracy_high": 0.7, "recall": {}}
    for name in ("mlp", "cnn"):
        artifacts.write_json(f"metrics/test/{name}.json", {"val": scores, "test": scores})
        plot_tables.write_model(name, predicted(probabilities, labels, ["test"] * 50))
    Path("data").mkdir()
    Path("data/splits.csv").write_text("duplicate_group\n" + "-1\n" * 50)


def settings(**others: object) -> dict[str, object]:
    """The settings of the perceptron, some of them others."""
    flat = config_file.flat(config.load())
    return {key: value for key, value in flat.items() if key.startswith(("mlp.", "data."))} | others


def report() -> str:
    """The page that the stage `compare` writes, on one line."""
    from stages.compare import main

    outcome = CliRunner().invoke(main)
    assert outcome.exit_code == 0, outcome.output
    return " ".join(Path("reports/comparison.md").read_text().split())


def test_the_file_holds_mean_deviation_and_runs_and_is_read_back() -> None:
    written = Spread(RUNS, {"mlp.lr": 0.000123}, "abc")
    spread.write(spread.path("mlp"), written)
    content = json.loads(Path("metrics/seeds/mlp.json").read_text())
    assert content["val"] == {"mean": 0.598, "std": 0.0072}  # the sample standard deviation
    assert list(content["runs"]) == ["1", "2", "7"]
    assert content["settings"] == {"mlp.lr": 0.000123}
    assert spread.read(spread.path("mlp")) == written
    assert written.text("val") == "59.8 ± 0.7 (3 seeds)"


def test_one_seed_has_no_deviation() -> None:
    spread.write(spread.path("mlp"), Spread({3: {"val": 0.6}}))
    assert json.loads(Path("metrics/seeds/mlp.json").read_text())["val"] == {"mean": 0.6}
    assert spread.read(spread.path("mlp")).text("val") == "60.0 (1 seed)"
    assert spread.read(spread.path("mlp")).text("test") == spread.read(spread.path("cnn")).text("val") == ""


@pytest.mark.slow
def test_the_report_shows_it() -> None:
    assert "over seeds" not in report()
    spread.write(spread.path("mlp"), Spread(RUNS, settings()))
    page = report()
    assert "| val over seeds |" in page
    assert "test over seeds" not in page
    assert "| 59.8 ± 0.7 (3 seeds) |" in page
    assert "**over seeds**: mean and standard deviation" in page
    spread.write(spread.path("mlp"), Spread({1: {"val": 0.6, "test": 0.61}, 2: {"val": 0.6, "test": 0.62}}, settings()))
    assert "| 61.5 ± 0.7 (2 seeds) |" in report()


def test_the_spread_of_other_settings_stays_out_of_the_report() -> None:
    spread.write(spread.path("mlp"), Spread(RUNS, settings(**{"mlp.epochs": 3, "data.dataset": "drawn"})))
    page = report()
    assert "59.8 ± 0.7" not in page
    assert "`metrics/seeds/mlp.json` is left out" in page
    assert "`data.dataset`, `mlp.epochs`" in page


def test_a_damaged_file_is_named() -> None:
    artifacts.write_json("metrics/seeds/mlp.json", {"runs": {"one": {}}})
    with pytest.raises(FerError, match=r"metrics/seeds/mlp\.json does not hold"):
        spread.read(spread.path("mlp"))
