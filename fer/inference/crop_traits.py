"""Tells whether a mouth is covered (by a mask, a hand, a scarf, a microphone), and whether a face is a drawing.

Histograms of oriented gradients (Dalal and Triggs 2005) and grey levels of the crop that the models see, and a logistic
regression on them for each question, which `python -m benchmarks.covered` and `python -m benchmarks.drawings` make.
They take a fifth of a millisecond a face.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np

from fer.sizes import FACE

FOLDER = Path(__file__).parents[1] / "pretrained" / "quality"
COVERED, DRAWING = "covered", "drawing"
_CELL, _DIRECTIONS, _BLOCK = 6, 8, 4  # pixels of a cell, directions in half a turn, pixels of a block of grey levels


def has_trait(trait: str, values: np.ndarray) -> np.ndarray:
    """Which faces have a trait, bool [n].

    Args:
        trait: `COVERED`, for upright faces that look more or less into the camera, or `DRAWING`.
        values: the `features` of their crops, float32 [n, 656].
    """
    weights, bias = _regression(trait)
    found: np.ndarray = values @ weights + bias > 0
    return found


def features(crops: np.ndarray) -> np.ndarray:
    """What the regressions see of crops uint8 [n, 48, 48]: float32 [n, 656]."""
    pixels = crops.astype(np.float32)
    right, down = np.zeros_like(pixels), np.zeros_like(pixels)
    right[:, :, 1:-1] = pixels[:, :, 2:] - pixels[:, :, :-2]
    down[:, 1:-1] = pixels[:, 2:] - pixels[:, :-2]
    strength = np.hypot(right, down)
    # Each gradient is shared between the two directions that are nearest to its own.
    direction = np.arctan2(down, right) % np.pi / np.pi * _DIRECTIONS - 0.5
    lower = np.floor(direction)
    share = direction - lower
    lower = lower.astype(int) % _DIRECTIONS
    cells = FACE // _CELL
    histograms = np.empty((len(crops), cells, cells, _DIRECTIONS), np.float32)
    for number in range(_DIRECTIONS):
        own = strength * ((1 - share) * (lower == number) + share * ((lower + 1) % _DIRECTIONS == number))
        histograms[..., number] = own.reshape(-1, cells, _CELL, cells, _CELL).sum(axis=(2, 4))
    gradients = histograms.reshape(len(crops), -1)
    gradients = np.sqrt(10 * gradients / (np.linalg.norm(gradients, axis=1, keepdims=True) + 1e-3))
    blocks = FACE // _BLOCK
    grey = pixels.reshape(-1, blocks, _BLOCK, blocks, _BLOCK).mean(axis=(2, 4)).reshape(len(crops), -1)
    grey = (grey - grey.mean(axis=1, keepdims=True)) / (grey.std(axis=1, keepdims=True) + 8)
    return np.hstack([gradients, grey])


@cache
def _regression(trait: str) -> tuple[np.ndarray, float]:
    content = json.loads((FOLDER / f"{trait}.json").read_text())
    return np.array(content["weights"], np.float32), float(content["bias"])
