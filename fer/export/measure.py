"""Whether an exported file answers as the network does that it was made from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fer import inputs
from fer.inference.network import Network
from fer.models.base import FaceModel

_BATCH = 256


def probabilities(network: FaceModel, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """The network's own probabilities in one view, float32 [n, 7], of inputs [n, ...]."""
    count = len(next(iter(values.values())))
    parts = []
    with torch.no_grad():  # a graph network caches tensors that the export will use, so no inference mode
        for start in range(0, count, _BATCH):
            batch = inputs.to_tensors(inputs.select(values, slice(start, start + _BATCH)))
            parts.append(network.probabilities(**batch).numpy())
    return np.concatenate(parts)


def compare(path: Path, values: Mapping[str, np.ndarray], labels: np.ndarray, expected: np.ndarray) -> dict[str, Any]:
    """Compare a file with the network that it was made from.

    Args:
        path: the file.
        values: inputs of n faces.
        labels: int64 [n].
        expected: the network's probabilities, float32 [n, 7].

    Returns:
        `megabytes`; `val`, the accuracy in one view; `same_label`, the share of faces with the network's own answer;
        `largest_difference` of a probability.
    """
    found = Network(path).probabilities(values)
    return {
        "megabytes": round(path.stat().st_size / 1e6, 2),
        "val": float((found.argmax(1) == labels).mean()),
        "same_label": float((found.argmax(1) == expected.argmax(1)).mean()),
        "largest_difference": float(np.abs(found - expected).max()),
    }
