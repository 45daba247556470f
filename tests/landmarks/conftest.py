import os

import numpy as np
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


@pytest.fixture(scope="session")
def located(faces: Faces, settings: config.Landmarks) -> np.ndarray:
    """Landmarks as they lie in the images, float32 [70, 478, 3], NaN where none were found."""
    return extract.locate(faces.images, settings)
