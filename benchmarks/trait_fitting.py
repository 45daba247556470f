"""Fits the logistic regressions of `fer.inference.crop_traits`: what `covered` and `drawings` have in common."""

import json

import numpy as np

from fer import writing
from fer.inference import crop_traits

HELD_OUT = 0.2  # share of the faces without the trait by which the limit is chosen
STRENGTH = 0.003  # the inverse of the regularisation; for covered mouths 0.0003 and 0.03 are worse
WRONG = 0.01  # share of the held-out faces without the trait that may be said to have it


def fit(absent: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights and bias for `crop_traits.features`, from crops uint8 [n, 48, 48] and their mirror images."""
    from sklearn.linear_model import LogisticRegression

    crops = np.concatenate([absent, absent[..., ::-1], present, present[..., ::-1]])
    truth = np.arange(len(crops)) >= 2 * len(absent)
    values = crop_traits.features(crops)
    middle, spread = values.mean(axis=0), values.std(axis=0) + 1e-6
    model = LogisticRegression(C=STRENGTH, max_iter=500, class_weight="balanced").fit((values - middle) / spread, truth)
    weights = model.coef_[0] / spread
    return weights, float(model.intercept_[0] - weights @ middle)


def learn(absent: np.ndarray, present: np.ndarray, ordinary: np.ndarray) -> dict[str, object]:
    """Fit, and choose the limit.

    Args:
        absent: crops without the trait, uint8 [n, 48, 48].
        present: crops with it, uint8 [m, 48, 48].
        ordinary: other crops without it, of which `WRONG` may be said to have it, uint8 [k, 48, 48].

    Returns:
        The content of the trait's file.
    """
    weights, bias = fit(absent, present)
    limit = float(np.quantile(crop_traits.features(ordinary) @ weights + bias, 1 - WRONG))
    return {"weights": [round(float(weight), 4) for weight in weights], "bias": round(bias - limit, 4)}


def write(trait: str, content: dict[str, object]) -> None:
    """Write a trait's file into the package."""
    with writing.atomic(crop_traits.FOLDER / f"{trait}.json") as temporary:
        temporary.write_text(json.dumps(content) + "\n")


def share(content: dict[str, object], crops: np.ndarray) -> float:
    """Which share of crops uint8 [n, 48, 48] is said to have the trait of a file with this content."""
    weights = np.array(content["weights"], np.float32)
    return float((crop_traits.features(crops) @ weights + content["bias"] > 0).mean())
