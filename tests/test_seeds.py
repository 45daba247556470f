"""`python -m fer.seeds` in several processes, with a training that takes no time."""

from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from fer import config_file, seeds, variants
from fer.evaluation import spread
from fer.variants import Causes


@pytest.fixture
def trained(tmp_path, monkeypatch, params):
    """The trainings that were run, as (rate, seed); `meanwhile` of the first one is called while it runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(seeds.check, "params", lambda: params)
    monkeypatch.setattr(variants, "causes", lambda name, found: Causes(config_file.flat(found.mlp), {}))
    monkeypatch.setattr(Causes, "check", lambda *_: None)
    runs = SimpleNamespace(done=[], meanwhile=lambda: None)

    def answers(name, seed, found, *_):
        runs.done.append((found.mlp.lr, seed))
        if len(runs.done) == 2:
            runs.meanwhile()
        return found.mlp.lr, 1.0

    monkeypatch.setattr(seeds, "answers", answers)
    monkeypatch.setattr("fer.artifacts.read_table", lambda _: [])
    monkeypatch.setattr("fer.data.splits.read", lambda *_: None)
    monkeypatch.setattr("fer.evaluation.subsets.measure", lambda rate, *_: {"val": rate})
    monkeypatch.setattr("fer.evaluation.subsets.selection", lambda measured: measured)
    return runs


def call(rate, numbers):
    outcome = CliRunner().invoke(seeds.main, ["mlp", "--seeds", numbers, "-S", f"mlp.lr={rate}"])
    assert outcome.exit_code == 0, outcome.output


def test_two_series_of_one_model_do_not_delete_each_other(trained):
    trained.meanwhile = lambda: call(0.002, "1,2")
    call(0.001, "1,2,3")
    assert len(trained.done) == 5
    assert sorted(spread.read(spread.path("mlp")).runs) == [1, 2, 3]
    call(0.002, "1,2")
    assert len(trained.done) == 5, "a recorded seed was trained again"
    assert sorted(spread.read(spread.path("mlp")).runs) == [1, 2]
    call(0.001, "1,2,3")
    assert len(trained.done) == 5
