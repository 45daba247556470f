"""One or several exported models, whose probabilities are averaged."""

import json
import threading
from typing import TYPE_CHECKING

import numpy as np

from fer import averaging, inputs
from fer.data import images
from fer.inference.network import Network

if TYPE_CHECKING:
    from fer.landmarks.extract import Locator


class ModelAverage:
    """The mean of the models' probabilities, weighted by their shares. Several threads may share it.

    Args:
        networks: the models.
        tta: test-time augmentation: the number of views of each face to average.
        threads: of each call of a network; None for onnxruntime's default.
    """

    def __init__(self, networks: list[Network], tta: int, threads: int | None) -> None:
        self.networks, self.views, self._threads = networks, tta, threads
        self.size = max(network.about.size for network in networks)
        self._lock = threading.Lock()
        self._locators: dict[str, Locator] = {}

    def close(self) -> None:
        """Free the networks."""
        self.networks = []
        self._locators.clear()

    def probabilities(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Average the models' probabilities for crops uint8 [n, S, S].

        A model whose input has no content for a face (no landmarks were found) is left out of that face's average,
        as `averaging.mean` says.

        Returns:
            Probabilities float32 [n, 7], and whether some model's input had content for each face, bool [n].
        """
        known, answers = [], []
        shared: dict[str, inputs.Arrays] = {}  # by models with the same inputs and settings
        for network in self.networks:
            about = network.about
            key = json.dumps([about.inputs, about.size, about.landmarks])
            if key not in shared:
                shared[key] = self.inputs_of(network, resized(crops, about.size))
            answers.append(network.probabilities(shared[key], self.views))
            known.append(inputs.known(shared[key]))
        shares = np.array([network.share for network in self.networks])
        averaged = averaging.mean(np.stack(answers), np.stack(known), shares)
        return averaged.astype(np.float32), np.any(known, axis=0)

    def inputs_of(self, network: Network, crops: np.ndarray) -> inputs.Arrays:
        """Compute a model's inputs from crops uint8 [n, S, S]."""
        names = network.about.inputs
        return inputs.from_crops(names, crops, self.locator(network) if network.about.landmarks else None)

    def locator(self, network: Network) -> "Locator":
        """What finds the landmarks for a model that needs them."""
        from fer.landmarks.extract import Locator
        from fer.landmarks.views import LandmarkSettings

        settings = network.about.landmarks
        assert settings is not None
        key = json.dumps(settings, sort_keys=True)
        with self._lock:
            if key not in self._locators:
                self._locators[key] = Locator(LandmarkSettings.from_dict(settings), self._threads)
            return self._locators[key]


def resized(crops: np.ndarray, size: int) -> np.ndarray:
    """Crop uint8 [n, h, w] to the central squares and resize them to uint8 [n, size, size]."""
    from PIL import Image

    if crops.shape[1:] == (size, size):
        return crops
    return np.stack([images.face(Image.fromarray(crop), size) for crop in crops])
