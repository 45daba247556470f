"""Drawn photos, and `fer web` in a process of its own, whose name look-ups and connections are written down."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from fer.web.choice import Choice
from tests.inference import clips
from tests.known_params import TOP

OPTIONS = {
    "models": (), "models_folder": None, "tta": 1, "detect": True, "min_size": 24.0, "batch_size": 64,
    "megapixels": 20.0,
}  # fmt: skip
LOCAL = ("127.0.0.1", "::1", "localhost")
# Python runs a module of this name at its start.
WATCH = """
import os, sys
def hook(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "socket.sendto"):
        with open(os.environ["WATCHED"], "a") as file:
            file.write(f"{event} {arguments[1:] if event == 'socket.connect' else arguments}\\n")
sys.addaudithook(hook)
"""


def drawn_photo(count=2):
    """A photo uint8 [240, 320, 3] of one or two drawn faces."""
    return next(clips.pictures(1, clips.LEFT_TO_RIGHT, clips.RIGHT_TO_LEFT)) if count == 2 else one_face(1)[0]


def one_face(count):
    """Frames uint8 [240, 320, 3] of a drawn face that moves."""
    return list(clips.pictures(count, clips.straight(20, 60, 2, 120)))


@pytest.fixture(scope="session")
def choice():
    """The models of the package."""
    return Choice(OPTIONS)


# The command, with uploads that are deleted after twenty seconds instead of sixty.
SERVE = "from fer.web import page; page._CHECKED, page._OLDEST = 1, 20; from fer.cli import main; main()"


@dataclass
class Served:
    """A page that is served.

    Attributes:
        address: of the page.
        said: what was said at its start.
        folder: below which it keeps temporary files.
    """

    address: str
    said: str
    folder: Path
    _watched: Path

    @property
    def contacted(self):
        """What was looked up and connected to, a line each."""
        return self._watched.read_text().splitlines() if self._watched.exists() else []

    @property
    def foreign(self):
        """Those of them that are not this machine."""
        return [line for line in self.contacted if not any(f"'{name}'" in line for name in LOCAL)]

    def files(self):
        """The temporary files."""
        return [path for path in self.folder.rglob("*") if path.is_file()]


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """The page with a largest upload of 1 MB; it has ended without a file left when the tests are over."""
    pytest.importorskip("gradio")
    folder = tmp_path_factory.mktemp("web")
    (folder / "sitecustomize.py").write_text(WATCH)
    (folder / "temporary").mkdir()
    settings = {
        "PYTHONPATH": os.pathsep.join([str(folder), str(TOP)]),
        "TMPDIR": str(folder / "temporary"),
        "WATCHED": str(folder / "watched"),
        "OMP_NUM_THREADS": "1",
        "GRADIO_ANALYTICS_ENABLED": "True",  # what a user may have set must not matter
        "GRADIO_SHARE": "True",
    }
    command = [sys.executable, "-c", SERVE, "web", "--port", "0", "--max-upload", "1", "--max-clip", "2"]
    command += ["--allow-host", "faces.example.org"]
    process = subprocess.Popen(command, cwd=folder, env=os.environ | settings, stderr=subprocess.PIPE, text=True)
    try:
        said = process.stderr.readline() + process.stderr.readline()
        found = re.match(r"Open (http://127\.0\.0\.1:\d+) ", said)
        assert found, said + process.stderr.read()
        yield Served(found[1], said, folder / "temporary", folder / "watched")
        process.terminate()
        rest = process.communicate(timeout=60)[1]
        assert process.returncode == 0, rest
        assert Served("", "", folder, folder / "watched").foreign == []
        assert list((folder / "temporary").iterdir()) == []
    finally:
        process.kill()
        process.wait()
