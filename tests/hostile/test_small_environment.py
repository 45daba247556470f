"""Commands that need more than the base install say what to install."""

import json
import subprocess
import sys

from tests.known_params import TOP

TRAINING = ("filelock", "lightning", "pandas", "psutil", "pydantic", "rich", "torch", "yaml")
COMMANDS = ["fer.check", "fer.untracked", *sorted(f"stages.{path.stem}" for path in (TOP / "stages").glob("[a-z]*.py"))]
RUN_ALL = f"""
import json, runpy, sys
sys.modules.update(dict.fromkeys({TRAINING}))  # any import of these fails
said = {{}}
for module in {COMMANDS}:
    try:
        runpy.run_module(module, run_name="__main__")
    except SystemExit as error:  # Python prints a text, and exits with 1
        said[module] = error.code
print(json.dumps(said))
"""


def test_a_package_that_is_not_there_is_one_line():
    done = subprocess.run([sys.executable, "-c", RUN_ALL], cwd=TOP, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert list(said) == COMMANDS
    for line in said.values():
        assert line.startswith("Error: The Python package ")
        assert "`make setup`" in line
        assert "`pip install '.[train]'`" in line
        assert "\n" not in line


def test_a_package_that_only_a_stage_needs(change, stage, monkeypatch):
    change({"data": {"dataset": "drawn", "drawn_faces": 140}})
    monkeypatch.setitem(sys.modules, "filelock", None)
    result = stage("split")
    assert result.exit_code == 1
    assert "The Python package filelock is not installed" in result.output
