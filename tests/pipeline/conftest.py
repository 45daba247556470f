"""A copy of the project in a folder of its own, small enough to run every stage."""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import click
import pytest
import yaml
from click.testing import CliRunner
from filelock import FileLock

from fer import check, commands, preloaded
from stages import train
from tests import known_params

TOP = known_params.TOP
CHECKPOINTS = ".cache/training"
EPOCHS = 40  # of a training that is to be stopped: it must not end before
AGAIN = ("repro", "--single-item", "--force", "--no-run-cache", "train@mlp")
TINY = {
    "data": {"dataset": "drawn", "drawn_faces": 210},
    "mlp": {"epochs": 3, "optim": {"batch_size": 32, "patience": 0}},
    "transformer": {"epochs": 1, "layers": 1, "heads": 4, "width": 16, "optim": {"batch_size": 32}},
    "gnn": {"epochs": 1, "width": 16, "optim": {"batch_size": 32}},
    "cnn": {
        "backbone": "mobilenet_v3_small",
        "weights": "none",
        "image_size": 32,
        "head": {"epochs": 1},
        "partial": {"epochs": 1},
        "full": {"epochs": 1},
    },
    "efficientnetv2": {"backbone": "timm:test_resnet", "weights": "none", "image_size": 32, "epochs": 1},
    "fusion": {"epochs": 1, "optim": {"batch_size": 32}},
    "tiny": {"epochs": 1, "widths": [4, 8], "blocks": 1, "optim": {"batch_size": 32}},
    # So many that no single one gets all the weight, as little as they have learned.
    "ensemble": {"members": ["cnn", "efficientnetv2", "mlp", "transformer", "gnn"]},
    "evaluate": {"tta": "flip"},
    "explain": {"models": ["mlp"], "faces": 10},
}


@dataclass(frozen=True)
class Project:
    """A checkout, and the commands that a user types in it.

    Attributes:
        folder: of the checkout.
        python: a folder with a `python` that has loaded the libraries; "" for none. DVC itself is a usual one where
            tests stop it.
    """

    folder: Path
    python: str = ""

    def run(self, *command: str, fails: bool = False, **environment: str) -> str:
        """Run a command; its output, stdout and stderr together."""
        values = surroundings() | environment
        if self.python:
            values["PATH"] = f"{self.python}{os.pathsep}{values['PATH']}"
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=values,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert bool(done.returncode) == fails, done.stdout
        return done.stdout

    def dvc(self, *arguments: str, fails: bool = False) -> str:
        """Run DVC."""
        command = ("python", "-m", "dvc", *arguments)
        try:
            return self.run(*command, fails=fails)
        except AssertionError as error:
            # DVC was killed while it wrote this file: docs/pipeline.md says what to do.
            if "Unable to read RWLock-file '.dvc/tmp/rwlock'" not in str(error):
                raise
            (self.folder / ".dvc/tmp/rwlock").unlink()
            return self.run(*command, fails=fails)

    def call(self, command: click.Command, *arguments: str, fails: bool = False) -> str:
        """Run one of the project's commands in this process, where the libraries are loaded already; its output."""
        unchanged = mock.patch.object(commands, "_started_by", commands._started_by)
        with contextlib.chdir(self.folder), unchanged:
            done = CliRunner().invoke(command, arguments)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        assert bool(done.exit_code) == fails, done.output
        return done.output

    def would_run(self) -> set[str]:
        """The stages that `dvc repro` would run, at most."""
        with contextlib.chdir(self.folder):
            return set(check.would_run())

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start DVC in a process group of its own."""
        return self.start_command(sys.executable, "-m", "dvc", *arguments)

    def start_command(self, *command: str, **environment: str) -> subprocess.Popen:
        """Start a command in a process group of its own."""
        silent, values = subprocess.DEVNULL, surroundings() | environment
        return subprocess.Popen(
            command, cwd=self.folder, env=values, stdout=silent, stderr=silent, start_new_session=True
        )

    def set(self, key: str, value: object) -> None:
        """Change a parameter."""
        path = self.folder / "params.yaml"
        content = yaml.safe_load(path.read_text())
        known_params.merge(content, nested(key, value))
        path.write_text(yaml.safe_dump(content, sort_keys=False))


class Fork:
    """A command in a fork of the process that has loaded the libraries, with what tests need of a `Popen`."""

    def __init__(self, project: Project, *command: str, environment: dict[str, str]) -> None:
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115  it lives as long as the command
        with open(os.devnull) as nothing:
            streams = nothing.fileno(), self._output.fileno(), self._output.fileno()
            address, folder = f"{project.python}/socket", str(project.folder)
            self._connection = preloaded.request(address, command, folder, environment, streams)
        self.pid = int(self._connection.recv(16))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(timeout=0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            status = self._connection.recv(1)[0]
            self.returncode = status - 256 if status > 192 else status  # of a signal
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        self.wait(timeout)
        self._output.seek(0)
        return self._output.read(), None

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start_module(project: Project, *command: str, **environment: str) -> "subprocess.Popen | Fork":
    """Start a command, in a fork if there can be one: DVC leads a group of processes, which a fork can't."""
    values = surroundings() | environment
    if project.python and command[0] != "dvc":
        return Fork(project, *command, environment=values)
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=project.folder,
        env=values,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def start(
    project: Project, *command: str, checkpoints: str = CHECKPOINTS, **environment: str
) -> "subprocess.Popen | Fork":
    """Start a command, and wait until a training has its first checkpoint in a folder of checkpoints."""
    process = start_module(project, *command, **environment)
    wait_for_checkpoint(project, process, checkpoints=checkpoints)
    return process


def wait_for_checkpoint(
    project: Project, process: "subprocess.Popen | Fork", model: str = "mlp", checkpoints: str = CHECKPOINTS
) -> None:
    """Wait until a model's training has its first checkpoint."""
    while not list(project.folder.glob(f"{checkpoints}/{model}/*/last.ckpt")):
        assert process.poll() is None, process.communicate()[0] or "it ended before it had a checkpoint"
        time.sleep(0.01)


def nested(key: str, value: object) -> dict:
    first, _, rest = key.partition(".")
    return {first: nested(rest, value) if rest else value}


def surroundings() -> dict[str, str]:
    """No identity, no settings and no data of whoever runs the tests; this Python first on the path."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("FER", "GIT_", "DVC", "PYTHON"))}
    hidden = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "COLUMNS": "200"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return kept | hidden | {"PATH": path}


def copy(folder: Path, changes: dict) -> Project:
    """A fresh repository with the project's files and some other parameters.

    Args:
        folder: where; made if it is missing.
        changes: values by key.
    """
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=TOP, capture_output=True, text=True, check=True).stdout
    generated = ("dvc.lock", "metrics", "plots", "reports")
    for name in filter(None, names.split("\0")):
        kept = name.split("/")[0] not in generated or name.endswith(".gitkeep")
        if (TOP / name).is_file() and kept:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / name, folder / name)
    project = Project(folder)
    known_params.write(folder / "params.yaml")
    for key, value in changes.items():
        project.set(key, value)
    project.run("git", "init", "-q")
    commit(project, "start")
    return project


def commit(project: Project, message: str) -> None:
    """Commit everything."""
    project.run("git", "add", "-A")
    who = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"]
    project.run("git", *who, "commit", "-q", "--allow-empty", "-m", message)


def twin(project: Project, folder: Path) -> Project:
    """A copy of a project with all that was built."""
    copied = replace(project, folder=Path(shutil.copytree(project.folder, folder, symlinks=True)))
    copied.run("git", "update-index", "-q", "--refresh")  # else git takes all files for changed
    return copied


@pytest.fixture(scope="package", autouse=True)
def quick_dvc() -> Iterator[None]:
    """DVC in this process reads its files as quickly as in the one of `python`."""
    with preloaded.quick_dvc():
        yield


@pytest.fixture(scope="session")
def python() -> Iterator[str]:
    """A folder with a `python` that has loaded the libraries."""
    with preloaded.started(surroundings()) as folder:
        yield folder


@pytest.fixture(scope="session")
def built(python: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The tiny project after one `dvc repro`, committed; tests leave it as it is."""
    top = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        top = top.parent  # which all workers share: one of them builds
    project = Project(top / "project", python)
    log = project.folder / "repro.log"
    with FileLock(top / "project.lock"):
        if not project.folder.exists():
            copy(project.folder, TINY)
            (project.folder / ".git/info/exclude").write_text(f"{log.name}\n")
            output = project.dvc("repro")
            commit(project, "built")
            log.write_text(output)
    assert log.exists(), "the project could not be built"
    return twin(project, tmp_path_factory.mktemp("built") / "project")


@pytest.fixture
def clean(built: Project):
    """The built project; what a test changes among the committed files is taken back."""
    yield built
    built.run("git", "checkout", "-q", "--", ".")


@pytest.fixture
def project(built: Project, tmp_path: Path) -> Project:
    """A copy of the built project with its cache, to be changed as one likes."""
    return twin(built, tmp_path / "project")


@pytest.fixture(scope="session")
def trained(built: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, bytes]:
    """The built project with an mlp that was trained for `EPOCHS`, without a stop; and its weights."""
    project = twin(built, tmp_path_factory.mktemp("trained") / "project")
    project.set("mlp.epochs", EPOCHS)
    assert "Going on" not in project.call(train.main, "mlp")
    return project, weights(project)


@pytest.fixture
def long(trained: tuple[Project, bytes], tmp_path: Path) -> tuple[Project, bytes]:
    """A project whose mlp trains for some seconds, and the weights that it must have in the end."""
    project, expected = trained
    project = twin(project, tmp_path / "project")
    shutil.rmtree(project.folder / "models/mlp")
    return project, expected


def weights(project: Project, model: str = "mlp") -> bytes:
    return (project.folder / f"models/{model}/model.safetensors").read_bytes()


@pytest.fixture
def fresh(tmp_path: Path) -> Project:
    """The tiny project before any run."""
    return copy(tmp_path, TINY)
