import os
from pathlib import Path

import pytest

from fer import config
from fer.data import drawn
from fer.data.faces import Faces
from fer.landmarks import extract

TOP = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def faces() -> Faces:
    return drawn.draw(70, seed=1)


@pytest.fixture(scope="session")
def settings() -> config.Landmarks:
    return config.load(TOP / "params.yaml").landmarks.model_copy(update={"workers": 1})


@pytest.fixture(scope="session")
def landmarks(faces: Faces, settings: config.Landmarks) -> extract.Landmarks:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    return extract.extract(faces.images, settings)
