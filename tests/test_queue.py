"""`make queue` and `make repro`, several jobs at a time."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.known_params import TOP


@pytest.mark.parametrize(("jobs", "threads"), [(1, os.cpu_count()), (2, max(1, (os.cpu_count() or 1) // 2)), (999, 1)])
def test_threads_and_jobs(jobs, threads, tmp_path):
    shutil.copy(TOP / "Makefile", tmp_path)
    (tmp_path / "python").symlink_to(sys.executable)
    (tmp_path / "dvc").write_text('#!/bin/sh\necho "$OMP_NUM_THREADS threads: $@"\n')
    (tmp_path / "dvc").chmod(0o755)
    surroundings = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    command = ["make", "--silent", "--old-file=setup", "queue", f"JOBS={jobs}"]
    done = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=True)
    assert done.stdout == f"{threads} threads: queue start -j {jobs}\n"


@pytest.mark.parametrize("jobs", ["0", "x", "-1", "1.5"])
def test_a_wrong_number_of_jobs_is_one_line(jobs, tmp_path):
    shutil.copy(TOP / "Makefile", tmp_path)
    command = ["make", "--silent", "--old-file=setup", "queue", f"JOBS={jobs}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "JOBS must be a whole number from 1."


@pytest.mark.parametrize(("jobs", "command"), [("", "dvc repro"), ("3", "python -m fer.repro --jobs 3")])
def test_rebuilding(jobs, command, tmp_path):
    shutil.copy(TOP / "Makefile", tmp_path)
    make = ["make", "--dry-run", "--silent", "--old-file=setup", "repro", *([f"JOBS={jobs}"] if jobs else [])]
    done = subprocess.run(make, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].replace("'", "") == command
