"""A teacher's probabilities for the faces of train, from which a student learns: `data/soft_labels/<student>.parquet`.

One row a face: `row`, and a column an emotion. The file's metadata name the `teacher`.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from fer import artifacts, paths
from fer.emotions import EMOTIONS
from fer.errors import FerError


def path(student: str) -> Path:
    """The file of a student."""
    return paths.SOFT_LABELS / f"{student}.parquet"


def write(student: str, teacher: str, rows: np.ndarray, probabilities: np.ndarray) -> None:
    """Write the file of a student.

    Args:
        student: name of the model that learns.
        teacher: name of the model or ensemble that has answered.
        rows: int64 [n], of the faces in `data/faces`.
        probabilities: float [n, 7].
    """
    table = pd.DataFrame(np.asarray(probabilities, np.float32), columns=list(EMOTIONS))
    table.insert(0, "row", rows)
    artifacts.write_table(path(student), table, {"teacher": teacher})


def read(student: str, teacher: str, train: Tensor, faces: int) -> Tensor:
    """The teacher's probabilities.

    Args:
        student: name of the model that learns.
        teacher: whose answers the settings ask for.
        train: int64, the rows of the faces to learn from.
        faces: how many the data set has.

    Returns:
        float32 [faces, 7], NaN for the faces that are not to be learned from.

    Raises:
        FerError: the file is missing or damaged, is of another teacher, or lacks a face.
    """
    file = path(student)
    table = artifacts.read_table(file)
    found = artifacts.read_metadata(file).get("teacher")
    if found != teacher:
        raise FerError(f"{file} holds the answers of {found} instead of {teacher}. Run `dvc repro`.")
    values = torch.full((faces, len(EMOTIONS)), torch.nan)
    with artifacts.validating(file):
        rows = torch.tensor(table["row"].to_numpy(np.int64))
        values[rows] = torch.tensor(table[list(EMOTIONS)].to_numpy(np.float32))
    if values[train].isnan().any():
        raise FerError(f"{file} lacks faces of train. Run `dvc repro`.")
    return values
