"""The operations that a network needs."""

from pathlib import Path

import pytest
from torch import nn

from benchmarks import arithmetic, made
from benchmarks.measure import Bench
from fer import config
from tests.known_params import TOP


@pytest.fixture
def bench(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return Bench("cpu", True, 0.0, config.load(Path(TOP, "params.yaml")))


def test_a_perceptron_multiplies_and_adds_each_weight_once(bench):
    network = made.network("mlp", bench.params.mlp)
    weights = sum(layer.weight.numel() for layer in network.modules() if isinstance(layer, nn.Linear))
    step, answer = arithmetic.operations(bench, "mlp")
    assert answer == pytest.approx(2 * weights / 1e9)
    assert step == pytest.approx(3 * answer)  # of the transformer it is less: it hides landmarks from itself


def test_the_limits_follow_from_the_speed_of_a_product(bench, monkeypatch):
    monkeypatch.setattr(arithmetic, "operations", lambda *_: (0.5, 0.02))
    monkeypatch.setattr(arithmetic, "speeds", lambda bench, threads: [10.0 if threads == 1 else 40.0])
    monkeypatch.setattr(arithmetic.torch, "get_num_threads", lambda: 4)
    rows = {row.key: row.ours.median for row in arithmetic.rows(bench)}
    assert rows["limit.mlp"] == pytest.approx(80)  # faces/s: 40 thousand millions a second, half of one a face
    assert rows["limit.latency.mlp"] == pytest.approx(2)  # ms: 20 millions at 10 thousand millions a second
