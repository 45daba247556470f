"""`pip install .` and the small requirements are enough to predict, without torch and without a desktop."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.inference.conftest import PHOTO
from tests.known_params import TOP

pytestmark = pytest.mark.slow
DESKTOP = r"/\S*(?:libGL|libX11|libgtk|libQt)\S*"
USED = f"import re; print(sorted(set(re.findall(r'{DESKTOP}', open('/proc/self/maps').read()))))"


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("install")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(TOP / name, source)
    shutil.copytree(TOP / "fer", source / "fer", ignore=shutil.ignore_patterns("__pycache__"))
    uv = (sys.executable, "-m", "uv")
    assert run(*uv, "venv", "--quiet", "--python", sys.executable, folder / "env").returncode == 0
    install = (*uv, "pip", "install", "--quiet", "--python", folder / "env/bin/python", "--no-deps")
    done = run(*install, "--require-hashes", "-r", TOP / "requirements-predict.txt")
    if "error sending request" in done.stderr or "dns error" in done.stderr:
        pytest.skip("no package index")
    assert done.returncode == 0, done.stderr
    done = run(*install, source)
    assert done.returncode == 0, done.stderr
    return folder / "env"


def test_fer_predicts_anywhere(environment, tmp_path):
    done = run(environment / "bin/fer", "predict", PHOTO, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "happy" in done.stdout
    assert done.stderr.startswith("Answered by efficientnetv2 (int8, ")
    done = run(environment / "bin/fer", "predict", PHOTO, "--model", "mlp", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert run(environment / "bin/fer", "models", cwd=tmp_path).stdout.count("landmarks") == 3


def test_it_is_small_and_needs_no_desktop(environment, tmp_path):
    size = sum(path.stat().st_size for path in environment.rglob("*") if path.is_file() and not path.is_symlink())
    assert size < 350e6
    code = f"from fer import Predictor; print(len(Predictor().predict({str(PHOTO)!r})[0].faces)); {USED}"
    done = run(environment / "bin/python", "-c", code, cwd=tmp_path)
    assert done.stdout == "1\n[]\n", done.stderr
    for extra in ("torch", "pandas", "mediapipe", "pydantic"):
        assert run(environment / "bin/python", "-c", f"import {extra}", cwd=tmp_path).returncode == 1
