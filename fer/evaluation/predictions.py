"""The table of a model's probabilities, `data/predictions/<name>.parquet`: all that is measured is measured from it.

One row a face:

- `row` (int64): the face's row in `data/faces`; `name`: its name there (optional).
- `split`, `emotion`: its split, and its true emotion.
- one column an emotion, named after it: the probabilities, averaged over the test-time views.
- `<emotion>_single` (optional): the probabilities in one view.
- `known` (bool, optional): False where an input of the model had no content, say where no landmarks were found.

The file's metadata may hold `parameters`, `temperature`, `epochs`, `best_epoch`, `views` and, for an ensemble,
`members` with their weights and `equal_weights`, what equal ones give on val.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from fer import artifacts, paths
from fer.emotions import EMOTIONS, INDEX
from fer.errors import FerError

SINGLE_VIEW: Final = tuple(f"{emotion}_single" for emotion in EMOTIONS)
_TOLERANCE = 0.01  # of the sum of a face's probabilities, which somebody may have rounded


@dataclass(frozen=True)
class Predictions:
    """The probabilities that one model gives to some faces.

    Attributes:
        table: as this module describes it, sorted by `row`.
        metadata: what is known of the model, for the report.
    """

    table: pd.DataFrame
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> np.ndarray:
        """Rows of the faces in `data/faces`, int64 [N], ascending."""
        return self.table["row"].to_numpy(np.int64)

    @property
    def labels(self) -> np.ndarray:
        """The true classes, int64 [N]."""
        return self.table["emotion"].map(INDEX).to_numpy(np.int64)

    @property
    def probabilities(self) -> np.ndarray:
        """Averaged over the test-time views, float64 [N, 7]."""
        return self.table[list(EMOTIONS)].to_numpy(np.float64)

    @property
    def single_view(self) -> np.ndarray | None:
        """In one view, float64 [N, 7]; None if the table does not tell."""
        if not set(SINGLE_VIEW) <= set(self.table.columns):
            return None
        return self.table[list(SINGLE_VIEW)].to_numpy(np.float64)

    @property
    def known(self) -> np.ndarray:
        """Whether the model's inputs had content, bool [N]; true everywhere if the table does not tell."""
        if "known" not in self.table.columns:
            return np.ones(len(self.table), bool)
        return self.table["known"].to_numpy(bool)


def make(
    faces: pd.DataFrame,
    probabilities: np.ndarray,
    single_view: np.ndarray | None,
    known: np.ndarray,
    metadata: Mapping[str, Any],
) -> Predictions:
    """Put a table together.

    Args:
        faces: `row`, `name` (optional), `split`, `emotion` of N faces.
        probabilities: float [N, 7], averaged over the views.
        single_view: float [N, 7] in one view, or None.
        known: bool [N].
        metadata: what is known of the model.
    """
    columns = [column for column in ("row", "name", "split", "emotion") if column in faces.columns]
    parts = [faces[columns].reset_index(drop=True)]
    for values, header in ((probabilities, EMOTIONS), (single_view, SINGLE_VIEW)):
        if values is not None:
            parts.append(pd.DataFrame(np.asarray(values, np.float32), columns=list(header)))
    table = pd.concat(parts, axis=1).astype({"row": "int64"})
    return Predictions(table.assign(known=known).sort_values("row", ignore_index=True), metadata)


def path(name: str) -> Path:
    """The file of the model `name`.

    Raises:
        FerError: a file can't have this name.
    """
    if not name or Path(name).name != name:
        raise FerError(f"{name!r} is not the name of a model: use letters, digits, - and _.")
    return paths.PREDICTIONS / f"{name}.parquet"


def write(name: str, predictions: Predictions) -> None:
    """Write the table of the model `name`.

    Raises:
        FerError: a probability is not one.
    """
    check(predictions.table, f"The answers of {name}")
    artifacts.write_table(path(name), predictions.table, predictions.metadata)


def read(name: str) -> Predictions:
    """Read and check the table of the model `name`.

    Raises:
        FerError: it is missing or damaged, lacks a column, or holds something that is no probability.
    """
    file = path(name)
    table = artifacts.read_table(file)
    check(table, str(file))
    table = table.astype({"row": "int64", "split": str, "emotion": str})  # whatever kinds other programs have written
    return Predictions(table.sort_values("row", ignore_index=True), artifacts.read_metadata(file))


def check(table: pd.DataFrame, what: str) -> None:
    """Make sure that a table holds what this module describes.

    Args:
        table: the table.
        what: names it in the message.

    Raises:
        FerError: says what is wrong.
    """
    missing = [name for name in ("row", "split", "emotion", *EMOTIONS) if name not in table.columns]
    if missing:
        raise FerError(f"{what}: the column {missing[0]} is missing.")
    if not pd.api.types.is_integer_dtype(table["row"]) or table["row"].duplicated().any():
        raise FerError(f"{what}: the column row must hold whole numbers, each of them once.")
    unknown = sorted({str(emotion) for emotion in table["emotion"].unique()} - set(EMOTIONS))
    if unknown:
        raise FerError(f"{what}: unknown emotions ({', '.join(unknown)[:200]}).")
    if "known" in table.columns and table["known"].dtype != bool:
        raise FerError(f"{what}: the column known must be true or false everywhere.")
    single_view = [name for name in SINGLE_VIEW if name in table.columns]
    if single_view and len(single_view) < len(SINGLE_VIEW):
        raise FerError(f"{what}: some columns of the single view are missing, {single_view[0]} is there.")
    for columns in (EMOTIONS, single_view):
        _check_probabilities(table[list(columns)], what)


def _check_probabilities(table: pd.DataFrame, what: str) -> None:
    try:
        values = table.to_numpy(np.float64)
    except (TypeError, ValueError) as error:
        raise FerError(f"{what}: the probabilities are not numbers.") from error
    if not values.size:
        return
    if np.isnan(values).any():
        raise FerError(f"{what}: NaN instead of a probability. The training diverged: lower its `lr`, and run again.")
    wrong = int((((values < 0) | (values > 1)).any(axis=1) | (np.abs(values.sum(axis=1) - 1) > _TOLERANCE)).sum())
    if wrong:
        raise FerError(f"{what}: {wrong:,} of {len(values):,} faces have no probabilities from 0 to 1 with the sum 1.")
