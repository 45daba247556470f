"""What the Dockerfile installs is enough to predict, without torch and without a desktop."""

import re
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
    """An environment made by the steps of the Dockerfile that a virtual environment can take."""
    folder = tmp_path_factory.mktemp("install")
    app, env = folder / "app", folder / "env"
    app.mkdir()
    assert run(sys.executable, "-m", "venv", env).returncode == 0
    allowed = (TOP / ".dockerignore").read_text().splitlines()
    for step, arguments in re.findall(r"^(COPY|RUN) (.+)$", (TOP / "Dockerfile").read_text(), re.MULTILINE):
        command = arguments.split(" && ")[0].split()
        if step == "COPY":
            *sources, target = command
            for name in sources:
                assert f"!{name}" in allowed
                copy = shutil.copytree if (TOP / name).is_dir() else shutil.copy
                copy(TOP / name, app / target)
        elif command[:3] == ["python", "-m", "pip"]:
            done = run(env / "bin/python", *command[1:], cwd=app)
            if "NameResolutionError" in done.stderr or "NewConnectionError" in done.stderr:
                pytest.skip("no package index")
            assert done.returncode == 0, done.stderr
    shutil.rmtree(app)
    return env


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
    files = [path for path in environment.rglob("*") if path.is_file() and not path.is_symlink()]
    own = [
        path for path in files if "__pycache__" not in path.parts and not re.search("/(pip|setuptools)[-/]", str(path))
    ]
    assert sum(path.stat().st_size for path in own) < 350e6
    code = f"from fer import Predictor; print(len(Predictor().predict({str(PHOTO)!r})[0].faces)); {USED}"
    done = run(environment / "bin/python", "-c", code, cwd=tmp_path)
    assert done.stdout == "1\n[]\n", done.stderr
    for extra in ("torch", "pandas", "mediapipe", "pydantic"):
        assert run(environment / "bin/python", "-c", f"import {extra}", cwd=tmp_path).returncode == 1


def test_the_container_does_not_run_as_root():
    steps = (TOP / "Dockerfile").read_text().splitlines()
    assert [step.split()[1] for step in steps if step.startswith("USER ")][-1].isdecimal()
    assert 'ENTRYPOINT ["fer"]' in steps
