"""Where a model errs, and how much of it may be the labels' fault: the numbers of `reports/error_analysis.md`.

They come from two tables. The one of the data set has a row for each of its N faces:

- `label`, `split`; `found`, whether landmarks were found.
- `copies`, the group of exact, near and mirrored copies, and `identical`, that of faces equal to the pixel; -1 without.
- `copy_disagrees`, whether a copy has another label; `copy_in_train`, whether a copy is in train.
- By FER+: `voted`; `plurality`, the class with the most votes, empty where two have as many; `clear`, whether one of
  the seven emotions has more than half of the votes.

The one of a model's answers to the faces of a split adds `answer`, `second` (the next likely one), `confidence`,
`wrong`, and `on_copy`, whether a copy bears the label that is the answer.
"""

from typing import Final

import numpy as np
import pandas as pd

from fer.data import duplicates
from fer.data.faces import Faces
from fer.data.sets.ferplus import VOTED
from fer.emotions import EMOTIONS
from fer.evaluation.predictions import Predictions

SURE: Final = 0.9  # the confidence from which on an error counts as a confident one


def of_faces(faces: Faces, splits: pd.DataFrame, found: np.ndarray, votes: np.ndarray | None) -> pd.DataFrame:
    """The table of the data set.

    Args:
        faces: N faces.
        splits: their rows of `data/splits.csv`.
        found: bool [N], whether landmarks were found.
        votes: int64 [N, 10], as `FerPlus.count` gives them; None without FER+.
    """
    votes = np.zeros((len(faces), len(VOTED)), np.int64) if votes is None else votes
    most, runner_up = np.sort(votes, axis=1)[:, :-3:-1].T
    winner = votes.argmax(axis=1)
    copies = splits["duplicate_group"].to_numpy(np.int64)
    identical = np.full(len(faces), -1)
    rows = np.flatnonzero(copies >= 0)
    identical[rows] = pd.factorize(np.array([duplicates.digest(faces.images[row]).hex() for row in rows], str))[0]
    table = pd.DataFrame({"label": faces.table["emotion"].to_numpy(str), "split": splits["split"].to_numpy(str)})
    table = table.assign(copies=copies, identical=identical, found=found, voted=most > 0)
    return table.assign(
        copy_disagrees=(copies >= 0) & (table.groupby("copies")["label"].transform("nunique") > 1),
        copy_in_train=(copies >= 0) & np.isin(copies, copies[table["split"] == "train"]),
        plurality=np.where(most > runner_up, np.array(VOTED)[winner], ""),
        clear=(2 * most > votes.sum(axis=1)) & (winner < len(EMOTIONS)),
    )


def of_answers(answers: Predictions, faces: pd.DataFrame) -> pd.DataFrame:
    """The table of a model's answers.

    Args:
        answers: to the faces of one split.
        faces: the table of the data set.
    """
    ranked = np.array(EMOTIONS)[np.argsort(-answers.probabilities, axis=1, kind="stable")]
    table = faces.iloc[answers.rows].assign(answer=ranked[:, 0], second=ranked[:, 1])
    copied = faces[faces["copies"] >= 0]
    borne = pd.MultiIndex.from_frame(copied[["copies", "label"]])
    return table.assign(
        confidence=answers.probabilities.max(axis=1),
        wrong=table["answer"] != table["label"],
        on_copy=pd.MultiIndex.from_frame(table[["copies", "answer"]]).isin(borne),
    )


def calibrations(answers: Predictions) -> dict[str, np.ndarray]:
    """Probabilities float64 [n, 7] before and after the temperature, and averaged over the test-time views.

    The temperature divides the logits of one view, so raising that view's probabilities to its power and dividing by
    their sum takes it back. An ensemble has no temperature of its own.
    """
    single, temperature = answers.single_view, answers.metadata.get("temperature")
    found = {}
    if single is not None and temperature:
        raised = np.maximum(single, 1e-12) ** float(temperature)
        found["one view, before the temperature"] = raised / raised.sum(axis=1, keepdims=True)
    if single is not None:
        found["one view" + (f", temperature {temperature:.2f}" if temperature else "")] = single
    return found | {"mean of the test-time views": answers.probabilities}


def confusions(table: pd.DataFrame) -> pd.DataFrame:
    """Pairs of emotions that are taken for each other, the most frequent first.

    Args:
        table: of answers.

    Returns:
        `pair`; `as_second` and `as_first`, how often the first is taken for the second and the second for the first;
        `errors`, both together; and `second`, the share of these in which the label is the second answer.
    """
    wrong = table[table["wrong"]]
    first, last = np.minimum(wrong["label"], wrong["answer"]), np.maximum(wrong["label"], wrong["answer"])
    marked = pd.DataFrame({"pair": first + ", " + last, "as_second": wrong["label"] == first, "errors": True})
    marked = marked.assign(as_first=~marked["as_second"], second=wrong["second"] == wrong["label"])
    found = marked.groupby("pair").agg({"as_second": "sum", "as_first": "sum", "errors": "sum", "second": "mean"})
    return found.reset_index().sort_values("errors", ascending=False, kind="stable", ignore_index=True)


def agreement(faces: pd.DataFrame, groups: str) -> tuple[int, int, float]:
    """How far the labels of copies agree.

    Two labels of a face that are drawn by its chances q agree with the chance sum(q^2). A model that knew these chances
    would name the likeliest label and be right with the chance max(q), which is at least sum(q^2) and at most its root.

    Args:
        faces: rows of the table of the data set.
        groups: `copies` or `identical`.

    Returns:
        How many groups have two faces or more; how many of these hold different labels; and, of all pairs of faces
        within a group, the share with the same label, the mean over the groups (1 without groups).
    """
    copied = faces[faces[groups] >= 0]
    counts = pd.crosstab(copied[groups], copied["label"]).to_numpy()
    counts = counts[counts.sum(axis=1) > 1]
    size = counts.sum(axis=1)
    same = (counts * (counts - 1)).sum(axis=1) / (size * (size - 1))
    return len(counts), int((same < 1).sum()), float(same.mean()) if len(counts) else 1.0
