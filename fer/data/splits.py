"""The data protocol: which face is trained on, selected on, scored, and what is wrong with the data.

The table (`data/splits.csv`) has one row a face, in the order of the faces:

- `name`, `row`: the face.
- `split`: train, val, test or excluded.
- `reason`: why a face is excluded, else empty: `blank` (nothing to learn from), `leak` (`split.drop_leaks`:
  a copy is in val or test), `unused` (stratified: the official val set, which it replaces).
- `duplicate_group`: the number shared by all copies of a face, -1 for a face without copies.
- `unseen`: true for a test face with no copy in train or val; false for every face outside test.

Blank images stay in val and test: leaving out what can't be recognised would flatter the model.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fer import artifacts, config
from fer.data import duplicates
from fer.data.faces import Faces
from fer.data.sets import fer2013
from fer.emotions import EMOTIONS, SPLITS
from fer.errors import FerError

COLUMNS = ("name", "row", "split", "reason", "duplicate_group", "unseen")
EXCLUDED = "excluded"
HELD_OUT = 0.1  # share of val, and of test, where the data set brings none
PAIRS = (("train", "val"), ("train", "test"), ("val", "test"))

# A face without a usage is train until test and val are cut.
_OFFICIAL = {"Training": "train", "PublicTest": "val", "PrivateTest": "test", "": "train"}


def make(faces: Faces, settings: config.Split, seed: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Split the faces and audit them.

    Protocols: `official` (Goodfellow et al. 2013) takes the usages as they are. `stratified` cuts val out of
    Training, emotion by emotion, copies kept together. `combined` makes the same table as `official`: its
    test set holds its val set, which one column can't say, so `members` does.

    What a folder does not bring is cut in the same way under every protocol: a tenth becomes test where the
    usages are empty, and a tenth val where there is no PublicTest (`stratified`: `val_fraction`).

    Args:
        faces: all faces.
        settings: the protocol, and what counts as a copy.
        seed: draws what is cut; without a cut it has no influence.

    Returns:
        The table that this module describes, and the audit for `metrics/data.json`.

    Raises:
        FerError: a split would hold no face of some emotion.
    """
    copies = duplicates.find(faces.images, settings.hash_distance, settings.correlation)
    split, reason = _divide(faces, copies.near, settings, seed)
    reason[(split == "train") & copies.blank] = "blank"
    split[reason != ""] = EXCLUDED
    audit = _audit(faces, split, copies)
    if settings.drop_leaks:
        leaked = (split == "train") & _with_copy_in(copies.near, np.isin(split, ("val", "test")))
        split[leaked], reason[leaked] = EXCLUDED, "leak"
    _check_classes(faces, split)
    unseen = (split == "test") & ~_with_copy_in(copies.near, np.isin(split, ("train", "val")))
    table = pd.DataFrame(
        {
            "name": faces.table["name"].to_numpy(),
            "row": np.arange(len(faces)),
            "split": split,
            "reason": reason,
            "duplicate_group": copies.near,
            "unseen": unseen,
        },
        columns=list(COLUMNS),
    )
    reasons = ("blank", "leak", "unused")
    digest = faces.digest()
    return table, {
        "protocol": settings.protocol,
        "data_set": {"digest": digest, "edition_of_fer2013": fer2013.edition(digest)},
        "faces": {name: _per_emotion(faces, split == name) for name in SPLITS},
        "excluded": {name: int((reason == name).sum()) for name in reasons},
        **audit,
        "test_unseen": _per_emotion(faces, unseen),
    }


def read(path: Path | str, count: int) -> pd.DataFrame:
    """Read the table that `make` made.

    Args:
        path: its file.
        count: how many faces there are.

    Raises:
        FerError: the file is missing or damaged, or belongs to other faces.
    """
    table = artifacts.read_table(path)
    with artifacts.validating(path):
        if not table["split"].isin((*SPLITS, EXCLUDED)).all():
            raise ValueError("a split is none of " + ", ".join((*SPLITS, EXCLUDED)))
        if not np.array_equal(table["row"], np.arange(count)):
            raise ValueError(f"its rows are not those of {count:,} faces")
        if table["unseen"].dtype != bool:
            raise ValueError("unseen is not true or false everywhere")
        return table.astype({"reason": str, "duplicate_group": np.int64})[list(COLUMNS)]


def members(table: pd.DataFrame, protocol: str) -> dict[str, np.ndarray]:
    """Row numbers (int64, ascending) of each set that is trained on or scored.

    - `train`, `val`, `test`: by the table; under the protocol `combined`, `test` is val and test together.
    - `test_unseen`: test faces with no copy in train or val (so never a val face).
    - `test_combined`: PublicTest and PrivateTest together, whatever the protocol; val and test together where
      one of these was cut here. Except where `stratified` sets PublicTest aside, it contains the set on which
      models are selected: for comparison with other work only.
    """
    split = table["split"].to_numpy(str)
    rows = table["row"].to_numpy(np.int64)
    unused = table["reason"].to_numpy(str) == "unused"
    both = (unused if unused.any() else split == "val") | (split == "test")
    return {
        "train": rows[split == "train"],
        "val": rows[split == "val"],
        "test": rows[both if protocol == "combined" else split == "test"],
        "test_unseen": rows[table["unseen"].to_numpy(bool)],
        "test_combined": rows[both],
    }


def _divide(faces: Faces, groups: np.ndarray, settings: config.Split, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`split` and `reason` of each face by its usage and the protocol; what is missing is cut, object [N] twice."""
    split = faces.table["usage"].map(_OFFICIAL).to_numpy(object)
    reason = np.full(len(faces), "", dtype=object)
    rng = np.random.default_rng(seed)
    val = HELD_OUT
    if faces.table["usage"].eq("").any():
        split[_cut(faces.labels, split == "train", groups, HELD_OUT, rng)] = "test"
        val = HELD_OUT / (1 - HELD_OUT)  # of what is left: as many as test has
    if settings.protocol == "stratified":
        reason[split == "val"] = "unused"
        split[split == "val"] = EXCLUDED
        val = settings.val_fraction
    if not (split == "val").any():
        split[_cut(faces.labels, split == "train", groups, val, rng)] = "val"
    return split, reason


def _cut(
    labels: np.ndarray, pool: np.ndarray, groups: np.ndarray, fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Rows of the pool to be held out: about `fraction` of each emotion, copies kept together, int64.

    The groups of copies (a face alone is one) are gone through in a drawn order, and each is taken that
    still fits into what is wanted. Where none does, the smallest is.
    """
    rows = np.flatnonzero(pool)
    own = np.where(groups < 0, np.arange(len(groups)) + len(groups), groups)[rows]
    _, first, unit, sizes = np.unique(own, return_index=True, return_inverse=True, return_counts=True)
    emotion = labels[rows[first]]  # copies with different labels count as the first one's
    taken = np.zeros(len(sizes), bool)
    for index in range(len(EMOTIONS)):
        order = rng.permutation(np.flatnonzero(emotion == index))
        wanted = max(1, round(fraction * int((labels[rows] == index).sum())))
        for number in order:
            if sizes[number] <= wanted:
                taken[number] = True
                wanted -= sizes[number]
        if order.size and not taken[order].any():
            taken[order[np.argmin(sizes[order])]] = True
    return rows[taken[unit.reshape(-1)]]


def _with_copy_in(groups: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Whether each face shares a group with a face of `part`, bool [N]."""
    return (groups >= 0) & np.isin(groups, groups[part & (groups >= 0)])


def _per_emotion(faces: Faces, part: np.ndarray) -> dict[str, int]:
    counts = np.bincount(faces.labels[part], minlength=len(EMOTIONS))
    return {"all": int(part.sum()), **dict(zip(EMOTIONS, counts.tolist(), strict=True))}


def _check_classes(faces: Faces, split: np.ndarray) -> None:
    for name in SPLITS:
        row = _per_emotion(faces, split == name)
        missing = [emotion for emotion in EMOTIONS if not row[emotion]]
        if missing:
            raise FerError(
                f"The split {name} has no face of {', '.join(missing)}. Add some to the data set, or choose another "
                "split.protocol, a larger split.val_fraction or split.drop_leaks: false. Copies of one face "
                "stay in one split: a smaller split.hash_distance or a larger split.correlation finds fewer."
            )


def conflicts(groups: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether each face has a copy with another label, bool [N]."""
    grouped = np.flatnonzero(groups >= 0)
    pairs = np.unique(np.stack([groups[grouped], labels[grouped]]), axis=1)
    numbers, kinds = np.unique(pairs[0], return_counts=True)
    return np.isin(groups, numbers[kinds > 1])


def _audit(faces: Faces, split: np.ndarray, copies: duplicates.Duplicates) -> dict[str, Any]:
    """What is wrong with the data, counted before leaks are dropped."""
    found: dict[str, Any] = {
        "blank": {
            "all": int(copies.blank.sum()),
            **{name: int(((split == name) & copies.blank).sum()) for name in (*SPLITS, EXCLUDED)},
        }
    }
    for kind, groups in (("exact", copies.exact), ("near", copies.near)):
        conflict = conflicts(groups, faces.labels)
        found[f"{kind}_duplicates"] = {
            "groups": _groups(groups, groups >= 0),
            "faces": int((groups >= 0).sum()),
            "label_conflict_groups": _groups(groups, conflict),
            "label_conflict_faces": int(conflict.sum()),
            "leaks": {f"{a}_{b}": _leaks(groups, split, a, b) for a, b in PAIRS},
        }
    return found


def _groups(groups: np.ndarray, part: np.ndarray) -> int:
    return len(np.unique(groups[part]))


def _leaks(groups: np.ndarray, split: np.ndarray, one: str, other: str) -> dict[str, int]:
    """Groups in both splits, and how many faces of each split they hold."""
    in_one = (split == one) & _with_copy_in(groups, split == other)
    in_other = (split == other) & _with_copy_in(groups, split == one)
    return {"groups": _groups(groups, in_one), one: int(in_one.sum()), other: int(in_other.sum())}
