"""`python -m fer.repro`: several stages at a time."""

import signal
import subprocess
import sys
import threading
import time

import pytest

from fer import repro
from fer.repro import Stage

# What a training needs comes first; a short stage and two long branches follow.
STAGES = {
    "split": Stage(frozenset(), 1.0),
    "quick": Stage(frozenset({"split"}), 1.0),
    "cnn": Stage(frozenset({"split"}), 100.0),
    "mlp": Stage(frozenset({"split"}), 50.0),
    "compare": Stage(frozenset({"split", "cnn", "mlp"}), 5.0),
}


def nothing() -> None:
    pass


def test_the_critical_path_is_the_longest_way_to_the_end():
    assert repro.critical_path(STAGES) == {"compare": 5.0, "mlp": 55.0, "cnn": 105.0, "quick": 1.0, "split": 106.0}


def test_the_critical_path_goes_first():
    order = []
    assert repro.run(STAGES, 1, lambda name: order.append(name) is None, nothing) == []
    assert order == ["split", "cnn", "mlp", "compare", "quick"]


def test_two_branches_run_at_the_same_time_and_no_stage_before_what_it_needs():
    together, order = threading.Barrier(2, timeout=20), []

    def one(name: str) -> bool:
        if name in ("cnn", "mlp"):
            together.wait()  # fails if the other one does not run now
        order.append(name)
        return True

    assert repro.run(STAGES, 2, one, nothing) == []
    assert order[0] == "split"
    assert order.index("compare") > max(order.index("cnn"), order.index("mlp"))
    assert set(order) == set(STAGES)


def test_after_a_failure_no_stage_is_started():
    ran = []

    def one(name: str) -> bool:
        ran.append(name)
        return name != "cnn"

    assert repro.run(STAGES, 1, one, nothing) == ["cnn"]
    assert ran == ["split", "cnn"]


def test_an_interruption_stops_what_runs():
    stopped = threading.Event()

    def one(name: str) -> bool:
        if name == "split":
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        repro.run(STAGES, 2, one, stopped.set)
    assert stopped.is_set()


@pytest.fixture
def project(tmp_path):
    """A pipeline of four stages, two of which end only if both run at the same time."""
    (tmp_path / "dvc.yaml").write_text("""
stages:
  first:
    cmd: echo 1 > first
    outs: [first]
  left:
    cmd: touch left-runs; for i in $(seq 300); do test -e right-runs && break; sleep 0.1; done; cp first left
    deps: [first]
    outs: [left]
  right:
    cmd: touch right-runs; for i in $(seq 300); do test -e left-runs && break; sleep 0.1; done; cp first right
    deps: [first]
    outs: [right]
  last:
    cmd: test -e left-runs && test -e right-runs && cat left right > last && echo $OMP_NUM_THREADS threads
    deps: [left, right]
    outs: [last]
""")
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=tmp_path, check=True)
    return tmp_path


def start(project, **options):
    command = [sys.executable, "-m", "fer.repro", "--jobs", "2"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, cwd=project, text=True, **streams, **options)


@pytest.mark.slow
def test_a_pipeline_is_rebuilt_and_then_up_to_date(project, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    output, _ = (process := start(project)).communicate()
    assert process.returncode == 0, output
    assert (project / "last").read_text() == "1\n1\n"
    assert "last: 3 threads" in output
    assert "All stages are done." in output
    assert start(project).communicate()[0] == "Nothing to run: all is up to date.\n"


@pytest.mark.slow
def test_a_stage_that_fails_is_named(project):
    text = (project / "dvc.yaml").read_text()
    (project / "dvc.yaml").write_text(text.replace("cmd: echo 1 > first", "cmd: echo no space; exit 3"))
    output, _ = (process := start(project)).communicate()
    assert process.returncode == 1
    assert "first: no space" in output
    assert output.splitlines()[-1] == "Error: first failed, see above. The same command goes on after that."
    assert not (project / "left-runs").exists()


@pytest.mark.slow
def test_a_stop_ends_the_stages_too(project):
    text = (project / "dvc.yaml").read_text()
    (project / "dvc.yaml").write_text(text.replace("cmd: echo 1 > first", "cmd: echo $$ > process; sleep 100"))
    process = start(project)
    while not (project / "process").exists() or not (number := (project / "process").read_text().strip()):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Stopped by SIGTERM: finished stages and epochs are saved" in output
    assert subprocess.run(["kill", "-0", number], capture_output=True, check=False).returncode
