"""The bench as a whole, with tiny sizes, and what it does when a part fails."""

import importlib
import json

import pytest
from click.testing import CliRunner

from benchmarks import __main__ as bench, page, part
from benchmarks.targets import TARGETS
from tests.known_params import TOP

FAILING = "tests.benchmarks.failing_part"
WITHOUT_STAGES = {"start.train"}  # a quick run has but one stage
EVERY = [*bench.PARTS, *bench.APART]


@pytest.mark.slow
def test_every_part_measures_what_it_should(tmp_path, monkeypatch):
    def run_here(module, where, *_):
        """A part without a process of its own, which would load the libraries again."""
        rows = tmp_path / f"{module}.jsonl"
        CliRunner().invoke(part.main, [module, str(rows), "--device", where, "--quick"], catch_exceptions=False)
        return {"seconds": 1.0, "failed": "", "rows": [json.loads(line) for line in rows.read_text().splitlines()]}

    monkeypatch.setattr(bench, "run", run_here)
    monkeypatch.setenv("PYTHONPATH", str(TOP))  # for the commands that parts start
    output = tmp_path / "results.json"
    only = [word for name in EVERY for word in ("--only", name)]
    done = CliRunner().invoke(bench.main, ["--quick", *only, "--output", str(output)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    run = json.loads(output.read_text())["cpu"]
    assert list(run["parts"]) == EVERY
    rows = {row["key"]: row for part in run["parts"].values() for row in part["rows"]}
    wanted = {key for target in TARGETS for key in target.keys}
    assert wanted - set(rows) <= WITHOUT_STAGES
    for key in (
        "images.input",
        "graph.step",
        "attention.fused",
        "attention.set",
        "depthwise.64",
        "prediction.photos",
        "training.mlp",
    ):
        assert rows[key]["plain"]["median"] > 0, key
        assert rows[key]["ours"]["median"] > 0, key
    assert not [key for key, row in rows.items() if row["missing"]]
    assert "whole training" in page.tables({"cpu": run})


@pytest.mark.slow
def test_a_part_that_fails_keeps_its_rows_and_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "PARTS", {"failing": 1})
    real = bench.run
    monkeypatch.setattr(bench, "run", lambda module, *rest: real(FAILING, *rest))
    output = tmp_path / "results.json"
    result = CliRunner().invoke(bench.main, ["--quick", "--output", str(output)])
    assert result.exit_code == 1
    assert "These parts failed, all others were measured: failing." in result.output
    (row,) = json.loads(output.read_text())["cpu"]["parts"]["failing"]["rows"]
    assert row["ours"] == {"median": 2.0, "low": 1.0, "high": 3.0, "repeats": 3}
    assert "the second row is not to be had" in json.loads(output.read_text())["cpu"]["parts"]["failing"]["failed"]


def test_a_part_that_takes_too_long_is_stopped():
    part = bench.run(FAILING, "cpu", True, 1, left=0.0)
    assert part["failed"] == "stopped, since the time for all parts was over"


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """The project's results, in which nothing is measured for real: the path of the file."""
    file = tmp_path / "results.json"
    earlier = {"failed": "", "rows": [], "seconds": 5.0, "earlier": True}
    parts = dict.fromkeys(("images", "video", "memory"), earlier)
    own = {"machine": {"processor": "another"}, "seconds": 9.0, "parts": parts}
    file.write_text(json.dumps({"cuda": {"kept": True}, "cpu": own}))
    monkeypatch.setattr(page, "RESULTS", file)
    monkeypatch.setattr(page, "read", lambda: json.loads(file.read_text()))
    monkeypatch.setattr(page, "write", lambda: None)
    monkeypatch.setattr(bench, "run", lambda *arguments: {"seconds": 1.0, "failed": "", "rows": []})
    return file


def test_a_whole_run_leaves_other_devices_and_what_is_measured_apart(recorded):
    result = CliRunner().invoke(bench.main, [])
    assert result.exit_code == 0, result.output
    results = json.loads(recorded.read_text())
    assert results["cuda"] == {"kept": True}
    parts = results["cpu"]["parts"]
    assert list(parts) == EVERY
    assert [name for name, part in parts.items() if "earlier" in part] == ["memory"]
    assert results["cpu"]["machine"]["processor"] != "another"
    assert "torch" in results["cpu"]["machine"]["versions"]


def test_a_part_by_itself_is_put_beside_the_others_and_says_on_what_it_ran(recorded):
    result = CliRunner().invoke(bench.main, ["--only", "video", "--update"])
    assert result.exit_code == 0, result.output
    own = json.loads(recorded.read_text())["cpu"]
    assert own["machine"] == {"processor": "another"}
    assert [name for name, part in own["parts"].items() if "earlier" in part] == ["images", "memory"]
    assert "torch" in own["parts"]["video"]["machine"]["versions"]


def test_a_part_by_itself_changes_nothing_unasked(recorded):
    before = recorded.read_text()
    assert CliRunner().invoke(bench.main, ["--only", "video"]).exit_code == 0
    assert recorded.read_text() == before
    assert CliRunner().invoke(bench.main, ["--update"]).exit_code == 2


def test_the_accuracy_on_photos_still_fits_the_package():
    photos = importlib.import_module("benchmarks.photos")
    assert CliRunner().invoke(photos.main, ["--help"]).exit_code == 0


def test_the_parts_leave_time_for_their_start():
    assert sum(bench.PARTS.values()) + 15 * len(bench.PARTS) < bench.WHOLE <= 15 * 60
