import os

import pytest

from fer import config
from fer.data import drawn
from fer.data.faces import Faces
from fer.landmarks import extract
from tests import known_params


@pytest.fixture(scope="session")
def faces() -> Faces:
    return drawn.draw(70, seed=1)


@pytest.fixture(scope="session")
def settings() -> config.Landmarks:
    return config.Landmarks(**known_params.read()["landmarks"] | {"workers": 1})


@pytest.fixture(scope="session")
def landmarks(faces: Faces, settings: config.Landmarks) -> extract.Landmarks:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    return extract.extract(faces.images, settings)
