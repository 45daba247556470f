import numpy as np
import pytest

from fer.data import drawn
from fer.data.faces import Faces
from fer.landmarks import extract
from fer.landmarks.views import LandmarkSettings
from tests import known_params


@pytest.fixture(scope="session")
def faces() -> Faces:
    return drawn.draw(70, seed=1)


@pytest.fixture(scope="session")
def settings() -> LandmarkSettings:
    values = known_params.read()["landmarks"]
    return LandmarkSettings.from_dict({key: values[key] for key in ("presence", "views")})


@pytest.fixture(scope="session")
def landmarks(faces: Faces, settings: LandmarkSettings) -> extract.FaceLandmarks:
    return extract.extract(faces.images, settings)


@pytest.fixture(scope="session")
def located(faces: Faces, settings: LandmarkSettings) -> np.ndarray:
    """Landmarks as they lie in the images, float32 [70, 478, 3], NaN where none were found."""
    return extract.Locator(settings, threads=1).locate(faces.images)
