"""Several models as one: the mean of their recorded probabilities."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fer.errors import FerError
from fer.evaluation import predictions
from fer.evaluation.predictions import Predictions


def average(members: Mapping[str, Predictions]) -> Predictions:
    """The mean of the members' probabilities, each member with the same weight.

    A member whose inputs had no content for a face (`known` is False) is left out of that face's mean, unless no
    member knows the face.

    Args:
        members: by name, at least two, with predictions of the same faces.

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
    known = np.stack([member.known for member in members.values()])
    known_to_one: np.ndarray = known.max(axis=0)
    weights = np.where(known_to_one, known, True).astype(np.float64)
    weights /= weights.sum(axis=0)

    def mean(values: list[np.ndarray]) -> np.ndarray:
        result: np.ndarray = np.einsum("mn,mnk->nk", weights, np.stack(values))
        return result

    single = [member.single_view for member in members.values()]
    there = [values for values in single if values is not None]
    metadata: dict[str, Any] = {"members": list(members)}
    sizes = [member.metadata.get("parameters") for member in members.values()]
    if all(isinstance(size, int) for size in sizes):
        metadata = {"parameters": sum(sizes), **metadata}
    return predictions.make(
        first.table,
        mean([member.probabilities for member in members.values()]),
        mean(there) if len(there) == len(single) else None,
        known_to_one,
        metadata,
    )
