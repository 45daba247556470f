"""What an exported file is worth: does it answer as the network does, how large is it, how fast?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fer.inference.network import Network
from fer.models.base import FaceModel

_BATCH = 256
_CALLS = 200


def answers(network: FaceModel, faces: np.ndarray) -> np.ndarray:
    """The network's own probabilities, float32 [n, 7], of faces as it sees them, in one view."""

    def parts() -> Iterator[np.ndarray]:
        for start in range(0, len(faces), _BATCH):
            yield network(torch.from_numpy(faces[start : start + _BATCH])).softmax(1).numpy()

    with torch.no_grad():  # a graph network keeps tensors that the export will use, so no inference mode
        return np.concatenate(list(parts()))


def measure(path: Path, faces: np.ndarray, labels: np.ndarray, expected: np.ndarray) -> dict[str, Any]:
    """Compare a file with the network that it was made from.

    Args:
        path: the file.
        faces: of val, as the network sees them.
        labels: int64 [n].
        expected: the network's probabilities, float32 [n, 7].

    Returns:
        `megabytes`; `val`, the accuracy; `same_label`, the share of faces with the network's own answer;
        `largest_difference` of a probability; `milliseconds`, the median time of one face on one thread.
    """
    found = Network(path).probabilities(faces)
    return {
        "megabytes": round(path.stat().st_size / 1e6, 2),
        "val": float((found.argmax(1) == labels).mean()),
        "same_label": float((found.argmax(1) == expected.argmax(1)).mean()),
        "largest_difference": float(np.abs(found - expected).max()),
        "milliseconds": round(Network(path, threads=1).milliseconds(_CALLS), 2),
    }
