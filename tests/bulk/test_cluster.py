"""`fer bulk` on a real Ray cluster of two workers: stopped, and one of them killed."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.bulk.conftest import table
from tests.data.small_faces import png
from tests.known_params import TOP

pytestmark = pytest.mark.slow
COUNT = 160
SLOWLY = ("--no-detect", "--tta", "8", "--shard-size", "10", "--workers", "2")


@pytest.fixture
def photos(faces, tmp_path, monkeypatch):
    """A folder of drawn faces."""
    pytest.importorskip("ray", reason="ray is not installed: pip install '.[scale]'")
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for number in range(COUNT):
        Path(f"photos/{number:03}.png").write_bytes(png(faces[0][number % len(faces[0])]))
    return [f"photos/{number:03}.png" for number in range(COUNT)]


def start(*arguments, within=(), **environment):
    """Start `fer bulk`, within another command."""
    command = [*within, sys.executable, "-m", "fer", "bulk", *arguments]
    environment = os.environ | {"PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1"} | environment
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(count, process):
    """Wait until some shards are finished; their files."""
    until = time.monotonic() + 300
    while time.monotonic() < until and process.poll() is None:
        found = {path.name: path.stat().st_mtime_ns for path in Path("out/faces").glob("*.parquet")}
        if len(found) >= count:
            return found
        time.sleep(0.02)
    pytest.fail(f"no shard was finished: {process.communicate(timeout=60)}")


def end(process):
    """Wait for the end of a process; its exit status and its lines on stderr."""
    out, error = process.communicate(timeout=600)
    assert out == ""
    assert "Traceback" not in error
    if "Ray does not start" in error:
        pytest.skip(f"the machine is too busy to start Ray in time: {error}")
    # Ray's own library may log a line of its kind while it is being stopped, "[2026-11-27 02:39:36,517 E 24477 ...".
    return process.returncode, [line for line in error.splitlines() if not re.match(r"\[\d{4}-\d\d-\d\d ", line)]


def answering(process):
    """The processes that answer shards."""
    names = ((each, each.cmdline()) for each in psutil.Process(process.pid).children(recursive=True))
    return [each for each, words in names if words and words[0].startswith("ray::Worker")]


def test_a_stopped_run_goes_on_and_a_killed_worker_costs_nothing(photos):
    process = start("photos", "out", *SLOWLY)
    before = finished(1, process)
    process.send_signal(signal.SIGINT)
    status, lines = end(process)
    assert status == 130, lines
    assert lines[-1] == "Stopped."
    assert lines[-2].endswith("Run the same command again to continue.")
    stopped = len(list(Path("out/faces").glob("*.parquet")))
    assert len(before) <= stopped < COUNT // 10

    process = start("photos", "out", *SLOWLY)
    finished(stopped + 1, process)
    killed = answering(process)[0]
    killed.kill()
    status, lines = end(process)
    assert status == 0, lines
    assert len(lines) == 2, lines  # who answered, and how many
    now = {path.name: path.stat().st_mtime_ns for path in Path("out/faces").iterdir()}
    assert before.items() <= now.items()
    assert len(now) == COUNT // 10
    answers = table()
    assert list(answers["file"]) == photos
    assert answers["happy"].notna().all()


def without_a_network():
    """The command within which there is only a loopback; empty where this user may not have that."""
    alone = ("unshare", "--map-root-user", "--net")
    up = "ip link set lo up"
    possible = shutil.which("unshare") and not subprocess.run([*alone, "sh", "-c", up], capture_output=True).returncode
    return (*alone, "sh", "-c", f'{up}; exec "$@"', "sh") if possible else ()


def test_workers_read_and_write_by_url_and_need_no_network(photos):
    here = f"local://{os.getcwd()}"  # fsspec's, which every process can open
    inputs, out = f"{here}/photos/00*.png", f"{here}/out"
    Path("home").mkdir()
    options = ("--no-detect", "--shard-size", "5", "--workers", "2")
    process = start(inputs, out, *options, within=without_a_network(), HOME=f"{os.getcwd()}/home")
    status, lines = end(process)
    assert status == 0, lines
    assert os.listdir("home") == []
    assert list(table()["file"]) == [f"{here}/{name}" for name in photos[:10]]


def test_a_cluster_that_does_not_answer_is_one_line(photos):
    status, lines = end(start("photos", "out", "--cluster", "127.0.0.1:9"))
    assert status == 1
    assert lines[-1].startswith("Error: No Ray cluster answers at 127.0.0.1:9 (")
    assert not any(line.startswith("Processed") for line in lines)
