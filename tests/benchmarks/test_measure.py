import sys
import time

import pytest

from benchmarks.measure import LEAST, MOST, Bench, Figure, compared
from benchmarks.processes import output, run, seconds

PYTHON = sys.executable


@pytest.fixture
def bench(params):
    return Bench("cpu", quick=False, seconds=0.0, params=params)


def test_works_take_turns_after_one_call_each_to_warm_up(bench):
    calls = []
    works = {name: lambda name=name: calls.append(name) or len(calls) for name in ("plain", "ours")}
    found = bench.in_turns(works)
    assert calls == ["plain", "ours"] * (1 + LEAST)
    assert found == {"plain": [3, 5, 7], "ours": [4, 6, 8]}


def test_there_are_more_turns_while_there_is_time(params):
    patient = Bench("cpu", quick=False, seconds=60.0, params=params)
    assert len(patient.in_turns({"ours": lambda: 1.0})["ours"]) == MOST
    hasty = Bench("cpu", quick=True, seconds=60.0, params=params)
    assert len(hasty.in_turns({"ours": lambda: 1.0})["ours"]) == 1


def test_a_speed_is_what_is_done_a_second(bench):
    assert bench.speed(lambda: time.sleep(0.05), 10)() == pytest.approx(200, rel=0.5)


def test_a_ratio_is_that_of_the_same_turn():
    """The machine was half as fast in the second turn, which says nothing of the two ways."""
    row = compared("a.b", "work", "faces/s", plain=[10, 5, 10], ours=[40, 20, 30])
    assert row.ratio == Figure(4.0, 3.0, 4.0, 3)
    assert row.plain == Figure(10, 5, 10, 3)


@pytest.mark.slow
def test_the_memory_of_a_command_counts_its_children(tmp_path):
    child = "x = bytearray(60_000_000); import time; time.sleep(0.6)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    assert 60e6 < run((PYTHON, "-c", parent), folder=tmp_path).peak < 200e6


def test_a_command_is_stopped_at_its_limit(tmp_path):
    done = run((PYTHON, "-c", "import time; time.sleep(60)"), limit=0.3, folder=tmp_path)
    assert done.stopped
    assert done.seconds < 20


def test_a_command_that_fails_says_why(tmp_path):
    failing = (PYTHON, "-c", "raise SystemExit('no such thing')")
    for call in (lambda: run(failing, folder=tmp_path), lambda: seconds(failing), lambda: output(failing)):
        with pytest.raises(RuntimeError, match="no such thing"):
            call()
