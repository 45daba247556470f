"""Streams of any kind, interrupts, and what a command needs: never a traceback."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer.errors import install
from tests.inference.conftest import fer
from tests.known_params import TOP

ENVIRONMENT = os.environ | {"PYTHONPATH": str(TOP)}
FER = (sys.executable, "-m", "fer")


@pytest.fixture
def call(networks, tmp_path):
    """The arguments of a quick `fer predict`, in a folder with one picture."""
    Image.fromarray(networks[2][0]).save(tmp_path / "face.png")
    return ("predict", "face.png", "--no-detect", "--model", str(networks[0] / "small.onnx"))


def run(*arguments, cwd, **options):
    environment = ENVIRONMENT | options.pop("env", {})
    return subprocess.run([*FER, *arguments], cwd=cwd, env=environment, capture_output=True, timeout=120, **options)


def sh(command, *arguments, cwd):
    """Run a command with the streams that a shell gives it: `$@` is the call of fer."""
    line = ["sh", "-c", command, "sh", *FER, *arguments]
    return subprocess.run(line, cwd=cwd, env=ENVIRONMENT, capture_output=True, timeout=120)


@pytest.mark.parametrize("encoding", ["latin-1", pytest.param("cp1252", marks=pytest.mark.slow)])
def test_output_of_any_encoding_holds_the_table(call, tmp_path, encoding):
    shutil.copy(tmp_path / "face.png", tmp_path / "smile\u2603.png")
    done = run(*call, "smile\u2603.png", cwd=tmp_path, env={"PYTHONIOENCODING": encoding})
    assert done.returncode == 0, done.stderr
    assert b"#" in done.stdout
    assert b"smile\\u2603.png" in done.stdout
    assert b"Answered by small" in done.stderr


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_json_is_valid_in_any_encoding(call, tmp_path, encoding):
    name = "caf\u00e9 \u2603 \U0001f600.png"
    shutil.copy(tmp_path / "face.png", tmp_path / name)
    done = run(*call, name, "--format", "json", cwd=tmp_path, env={"PYTHONIOENCODING": encoding})
    assert json.loads(done.stdout.decode(encoding))[1]["file"] == name


@pytest.mark.parametrize(
    ("streams", "status", "message"),
    [
        ('"$@" >&-', 1, b"Can't write the output: standard output is closed."),
        ('"$@" > /dev/full', 1, b"No space left on device"),
        ('"$@" - <&-', 1, b"Standard input is closed: there is nothing to read."),
        pytest.param('"$@" --output out >&-', 0, b"Saved in out", marks=pytest.mark.slow),
        pytest.param('"$@" 2>&-', 0, b"", marks=pytest.mark.slow),
        pytest.param('"$@" 2> /dev/full', 0, b"", marks=pytest.mark.slow),
        pytest.param(
            'mkdir gone; cd gone; rmdir ../gone; "$@"', 1, b"face.png: there is no such file", marks=pytest.mark.slow
        ),
    ],
)
def test_closed_and_full_streams(call, tmp_path, streams, status, message):
    if "/dev/full" in streams and not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    done = sh(streams, *call, cwd=tmp_path)
    assert done.returncode == status, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert message in done.stderr


@pytest.mark.slow
def test_models_and_help_survive_full_streams(tmp_path):
    for streams in ('"$@" >&-', '"$@" > /dev/full'):
        done = sh(streams, "models", cwd=tmp_path)
        assert done.returncode == 1
        assert done.stderr.startswith(b"Error: ")
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_ctrl_c_ends_with_130_and_leaves_valid_json(call, tmp_path):
    for number in range(3000):
        os.link(tmp_path / "face.png", tmp_path / f"{number}.png")
    arguments = [*FER, "predict", ".", *call[2:], "--format", "json"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(arguments, cwd=tmp_path, env=ENVIRONMENT, stdout=pipe, stderr=pipe, bufsize=0)
    first = b""
    while first.count(b"\n") < 2:
        first += process.stdout.read(200)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.decode().strip().endswith("Stopped.")
    assert 0 < len(json.loads(first + out)) < 3000


MODULES = ("lightning", "matplotlib", "mediapipe", "pandas", "pydantic", "scipy", "sklearn", "torch", "yaml")


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", "set", "--model"),
        pytest.param(("models",), marks=pytest.mark.slow),
        pytest.param(("predict", "face.png", "--model"), marks=pytest.mark.slow),
    ],
)
def test_the_base_install_is_enough(call, networks, tmp_path, arguments):
    (tmp_path / "set/happy").mkdir(parents=True)
    shutil.copy(tmp_path / "face.png", tmp_path / "set/happy")
    if arguments[-1] == "--model":
        arguments = (*arguments, str(networks[0] / "small.onnx"), "--no-detect")
    code = (
        "import sys\nfrom fer.cli import main\n"
        f"sys.modules.update(dict.fromkeys({MODULES}))\n"  # any import of these fails
        f"main({list(arguments)!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, timeout=60)
    assert b"Error" not in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.returncode == 0


def test_help_imports_next_to_nothing():
    heavy = ("numpy", "PIL", "cv2", "onnxruntime")
    code = f"import sys\nimport fer.cli\nprint([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_without_a_command_the_help_is_printed_once():
    done = fer()
    assert done.exit_code == 2
    assert done.stderr.count("Usage:") == 1
    assert "Error" not in done.stderr


def test_a_command_that_needs_an_extra_names_it(home, monkeypatch):
    Path("set/happy").mkdir(parents=True)
    Image.new("L", (48, 48)).save("set/happy/1.png")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = fer("evaluate", "set", "--no-detect", "--output", "out")
    assert done.exit_code == 1
    assert done.stderr.endswith(f"Error: This needs matplotlib, which is not installed: {install('evaluate')}.\n")
    assert not Path("out").exists()
    assert fer("evaluate", "set", "--no-detect").exit_code == 0


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace")
def test_nothing_is_written_to_the_home_and_no_host_is_looked_up(call, tmp_path):
    home, log = tmp_path / "home", tmp_path / "log"
    home.mkdir()
    environment = ENVIRONMENT | {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "TMPDIR": str(home)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    trace = ("strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmmsg,openat,mkdir", "-o", str(log))
    done = subprocess.run([*trace, *FER, *call], cwd=tmp_path, env=environment, capture_output=True, timeout=120)
    if b"ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    time.sleep(0.1)
    assert list(home.iterdir()) == []
    lines = log.read_text(errors="replace").splitlines()
    assert [line for line in lines if "AF_INET" in line or "/resolv.conf" in line] == []


def test_control_characters_never_reach_the_terminal(home, networks):
    name = "a\x1b[31m\x9b2J\u202e.png"
    Image.fromarray(networks[2][0]).save(name)
    Path("b\x1b[31m.png").write_bytes(b"no picture")
    for form in ("table", "json", "jsonl", "csv"):
        done = fer("predict", ".", "gone\x1b[31m", "--no-detect", "--format", form)
        assert not set(done.output) & set("\x1b\x9b\u202e")
        if form == "json":
            assert json.loads(done.stdout)[0]["file"] == name
    for wrong in (("--model", "\x1b[31m"), ("--models", "\x1b[31m"), ("--top", "\x1b[31m"), ("--\x1b[31m",)):
        done = fer("predict", name, *wrong)
        assert done.exit_code == 2
        assert "\x1b" not in done.output


def test_an_argument_of_any_length_and_a_pattern_that_is_none_are_one_line(home, networks):
    Image.fromarray(np.asarray(networks[2][0])).save("good.png")
    odd = ("x" * 300, "y" * 5000, "[", "[z-a]", "a\0b", "{", "sub/" * 900)
    done = fer("predict", *odd, "good.png", "--no-detect", "--format", "jsonl")
    assert done.exit_code == 1
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == ["good.png"]
    assert len(done.stderr.splitlines()) == len(odd) + 1
