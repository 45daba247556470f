"""Commands that need more than the base install say what to install."""

import subprocess
import sys

import pytest

from tests.known_params import TOP

TRAINING = ("filelock", "lightning", "pandas", "psutil", "pydantic", "rich", "torch", "yaml")
COMMANDS = ["fer.check", "fer.untracked", *sorted(f"stages.{path.stem}" for path in (TOP / "stages").glob("[a-z]*.py"))]


@pytest.mark.parametrize("module", COMMANDS)
def test_a_package_that_is_not_there_is_one_line(module):
    hidden = f"import runpy, sys; sys.argv = ['{module}']; sys.modules.update(dict.fromkeys({TRAINING}))"
    run = f"{hidden}; runpy.run_module('{module}', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", run], cwd=TOP, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("Error: The Python package ")
    assert "`make setup`" in done.stderr
    assert "`pip install 'fer[train]'`" in done.stderr


def test_a_package_that_only_a_stage_needs(change, stage, monkeypatch):
    change({"data": {"dataset": "drawn", "drawn_faces": 140}})
    monkeypatch.setitem(sys.modules, "filelock", None)
    result = stage("split")
    assert result.exit_code == 1
    assert "The Python package filelock is not installed" in result.output
