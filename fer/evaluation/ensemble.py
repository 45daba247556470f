"""Several models as one: the weighted mean of their recorded probabilities."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fer import averaging
from fer.errors import FerError
from fer.evaluation import metrics, predictions
from fer.evaluation.predictions import Predictions

_DECIMALS = 4  # of a weight, as files hold it


def make(members: Mapping[str, Predictions], weights: str) -> Predictions:
    """The mean of the members with the weights that the settings ask for.

    Args:
        members: as `average` takes them.
        weights: `uniform`, or `fitted` for those of `fitted_weights`. Then the metadata hold, for comparison, what the
            mean with equal weights gives on val, as `equal_weights`.

    Raises:
        FerError: as `average` and `fitted_weights`.
    """
    equal = average(members)
    if weights == "uniform":
        return equal
    found = average(members, fitted_weights(members))
    return Predictions(found.table, {**found.metadata, "equal_weights": _on_val(equal)})


def average(members: Mapping[str, Predictions], weights: Mapping[str, float] | None = None) -> Predictions:
    """The mean of the members' probabilities.

    A member whose inputs had no content for a face (`known` is False) is left out of that face's mean, unless no
    member knows the face.

    Args:
        members: by name, at least two, with predictions of the same faces.
        weights: of the members; equal if None.

    Returns:
        The mean. A face is `known` if a member knows it. The single view is averaged too, if every member has one.

    Raises:
        FerError: there is only one member, or the members were measured on different faces.
    """
    if len(members) < 2:
        raise FerError(f"An ensemble needs at least two different members, not only {', '.join(members) or 'none'}.")
    (first_name, first), *others = members.items()
    columns = ["row", "split", "emotion"]
    for name, other in others:
        if not first.table[columns].equals(other.table[columns]):
            raise FerError(f"{first_name} and {name} hold predictions of different faces. Run `dvc repro`.")
    weights = weights or dict.fromkeys(members, round(1 / len(members), _DECIMALS))
    known = np.stack([member.known for member in members.values()])

    def mean(values: list[np.ndarray]) -> np.ndarray:
        return averaging.mean(np.stack(values), known, np.array([weights[name] for name in members]))

    single = [member.single_view for member in members.values()]
    there = [values for values in single if values is not None]
    metadata: dict[str, Any] = {"members": {name: weights[name] for name in members}}
    sizes = [member.metadata.get("parameters") for member in members.values()]
    if all(isinstance(size, int) for size in sizes):
        metadata = {"parameters": sum(sizes), **metadata}
    return predictions.make(
        first.table,
        mean([member.probabilities for member in members.values()]),
        mean(there) if len(there) == len(single) else None,
        known.max(axis=0),
        metadata,
    )


def fitted_weights(members: Mapping[str, Predictions]) -> dict[str, float]:
    """The weights with which the mean has the smallest log loss on val.

    Each face is taken in one view, as `fer predict` sees it by default. So the weights do not depend on the test-time
    views, and neither does what learns from the ensemble.

    Args:
        members: as `average` takes them, each with a single view.

    Returns:
        The members' weights, 0 .. 1 with the sum 1 but for rounding.

    Raises:
        FerError: val holds no face, or a member has no single view.
    """
    from scipy.optimize import minimize

    first, *_ = members.values()
    val = first.table["split"].to_numpy(str) == "val"
    single = [member.single_view for member in members.values()]
    if not val.any() or any(values is None for values in single):
        raise FerError(
            "Weights are fitted on val in one view, which a member lacks. Run `dvc repro`, or choose uniform."
        )
    known = np.stack([member.known[val] for member in members.values()])
    truth = np.stack([values[val, first.labels[val]] for values in single if values is not None])[..., None]

    def log_loss(weights: np.ndarray) -> float:
        return float(-np.log(averaging.mean(truth, known, weights).clip(1e-12)).mean())

    found = minimize(
        log_loss,
        np.full(len(members), 1 / len(members)),
        method="SLSQP",
        bounds=[(0, 1)] * len(members),
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
        options={"ftol": 1e-9},
    ).x
    return {name: round(max(0.0, float(weight)), _DECIMALS) for name, weight in zip(members, found, strict=True)}


def _on_val(answers: Predictions) -> dict[str, float]:
    """Accuracy and log loss on val, as DVC's tables name them: `val` and `log_loss`."""
    val = answers.table["split"].to_numpy(str) == "val"
    measured = metrics.measure(answers.probabilities[val], answers.labels[val])
    return {"val": measured["accuracy"], "log_loss": measured["log_loss"]}
