"""A tiny FER2013."""

from collections.abc import Callable
from pathlib import Path

import pytest
from small_faces import random_faces, write_tree

from fer.data.faces import Faces
from fer.data.sets.fer2013 import Fer2013
from fer.emotions import EMOTIONS


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Faces:
    """Three Training faces an emotion, one of each test set; the official counts agree."""
    per_class = {"Training": 3, "PublicTest": 1, "PrivateTest": 1}
    official = {usage: (count,) * len(EMOTIONS) for usage, count in per_class.items()}
    monkeypatch.setattr(Fer2013, "official", official)
    return random_faces(per_class)


@pytest.fixture
def make_tree(tiny: Faces, tmp_path: Path) -> Callable[[], Path]:
    """Writes the tiny set as a folder tree."""
    return lambda: write_tree(tiny, tmp_path / "fer2013")
