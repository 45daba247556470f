"""A small project in a folder of its own, and stages that run in this process."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result
from PIL import Image

from fer import artifacts, check
from fer.emotions import EMOTIONS
from stages import compare, download, ensemble, evaluate, graphs, landmarks, measure, split, train, weights
from tests import known_params

STAGES = {
    module.__name__.rpartition(".")[2]: module.main
    for module in (compare, download, ensemble, evaluate, graphs, landmarks, measure, split, train, weights)
}
NETWORK = {"weights": "none", "backbone": "timm:test_resnet", "hidden": 16, "image_size": 32}
SMALL = {"cnn": NETWORK, "efficientnetv2": NETWORK}

CHECKED: dict[Path, str] = {}  # the note that the networks of `SMALL` can be built, which takes seconds to find out

Stage = Callable[..., Result]
Change = Callable[[dict], None]


@pytest.fixture
def change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Change:
    """Work in an empty project; changes its params.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FER2013_ARCHIVE", raising=False)
    content = known_params.read()

    def apply(changes: dict) -> None:
        known_params.merge(content, changes)
        Path("params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))

    apply(SMALL)
    for note, text in CHECKED.items():
        artifacts.write_text(note, text)
    return apply


@pytest.fixture
def stage(change: Change) -> Stage:
    """Run a stage; whatever happens, it is no traceback."""

    def run(name: str, *arguments: str) -> Result:
        result = CliRunner().invoke(STAGES[name], arguments)
        if not CHECKED and check.NOTE.is_file():
            CHECKED[check.NOTE] = check.NOTE.read_text()
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert "Traceback" not in result.output
        if result.exit_code:
            lines = result.output.splitlines()
            assert len(lines) <= 2, result.output
            assert all(line.strip() for line in lines), "an empty line, as of a progress bar"
        return result

    return run


@pytest.fixture
def own(change: Change) -> Path:
    """A folder of faces that is `data.dataset`: train/, val/ and test/ with three faces of each emotion."""
    folder = Path("own")
    rng = np.random.default_rng(0)
    for place in ("train", "val", "test"):
        for emotion in EMOTIONS:
            (folder / place / emotion).mkdir(parents=True)
            for number in range(3):
                picture = Image.fromarray(rng.integers(0, 256, (12, 12), np.uint8)).resize((48, 48))
                picture.save(folder / place / emotion / f"{number}.png")
    change({"data": {"dataset": str(folder)}})
    return folder


def may_not_read(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Make a file or folder unreadable, also for root, to whom permissions mean nothing."""
    denied = PermissionError(13, "Permission denied", str(path))
    path.chmod(0)

    def refusing(original: Callable) -> Callable:
        def call(place: object = ".", *arguments: object, **options: object) -> object:
            if isinstance(place, str | os.PathLike) and Path(place) == path:
                raise denied
            return original(place, *arguments, **options)

        return call

    for name in ("open", "scandir"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))
