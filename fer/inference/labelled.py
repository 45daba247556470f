"""`fer evaluate`: finds labelled images, compares the models' answers with the labels, and reports the result."""

import fnmatch
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from fer.data import files, labels as naming, sets
from fer.data.sets.pictures import PictureSet, read_text
from fer.emotions import EMOTIONS, INDEX
from fer.errors import FerError
from fer.evaluation import metrics
from fer.inference.faces import Photo
from fer.inference.results import made_among

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT, FIGURE = "evaluation.json", "confusion.png"
"""The files of `fer evaluate --output`."""


@dataclass(frozen=True)
class Labelled:
    """Labelled images.

    Attributes:
        names: paths of the files.
        labels: the emotion of each, as its index in `EMOTIONS`.
        folders: the emotion that each folder's name stands for; empty if the labels come from a list.
        left_out: how many images are not used, by reason.
    """

    names: list[str]
    labels: list[int]
    folders: dict[str, str] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)

    def describe(self) -> list[str]:
        """One or two lines: the emotion of each folder, and how many images are not used."""
        lines = []
        if self.folders:
            meanings = ", ".join(
                name if name == emotion else f"{name} = {emotion}" for name, emotion in self.folders.items()
            )
            lines.append(f"Folders: {meanings}")
        if self.left_out:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(self.left_out.items()))
            lines.append(f"Left out: {reasons}")
        return lines


def find(folder: Path, pattern: str = "*", labels: str | None = None) -> Labelled:
    """Find the images below a folder and their labels.

    An image is labelled by the name of a folder above it, or by the data set's own list of labels.

    Args:
        folder: where to look.
        pattern: shell pattern of the file names.
        labels: the data set whose lists, names and numbers are used. Without it, the folders must be named in words.

    Raises:
        FerError: the folder or the data set does not exist, an image has no label, or there are no images.
    """
    if labels is not None and labels not in sets.DATA_SETS:
        raise FerError(f"--labels {labels}: there is no such data set. Choose from {', '.join(sets.DATA_SETS)}.")
    if not folder.is_dir():
        raise FerError(f"{folder} is not a folder. Name one that contains a folder for each emotion.")
    undecodable: list[str] = []
    every = files.walk(folder, undecodable=undecodable)
    pictures, _ = naming.pictures_among(every)
    made = made_among(folder, pictures)
    chosen = [name for name in pictures if fnmatch.fnmatch(PurePosixPath(name).name, pattern) and name not in made]
    named = "" if pattern == "*" else f" whose names match {pattern}"
    if not chosen:
        raise FerError(f"{folder} contains no images{named}.")
    data_set = None if labels is None else sets.DATA_SETS[labels]
    found: dict[str, naming.Label] | None = None
    folders: dict[str, str] = {}
    if isinstance(data_set, PictureSet):
        lists = [name for name in every if PurePosixPath(name).name.lower() in data_set.lists]
        found = data_set.read_lists({name: read_text(folder / name) for name in lists}, pictures)
    if found is None:
        names = sets.naming(labels, f"name the data set with --labels {' or '.join(sets.numbered())}")
        found, folders = naming.by_any_folder(chosen, names, str(folder))
    left_out = Counter(found[name].emotion if name in found else "without a label" for name in chosen)
    for emotion in EMOTIONS:
        del left_out[emotion]
    if undecodable:
        left_out["with a name that is not valid UTF-8"] = len(undecodable)
    known = [name for name in chosen if name in found and found[name].emotion in EMOTIONS]
    if not known:
        raise FerError(f"{folder} contains no images{named} with one of the labels {', '.join(EMOTIONS)}.")
    return Labelled(
        [os.fspath(folder / name) for name in known], [INDEX[found[name].emotion] for name in known], folders, left_out
    )


def score(photos: Iterable[Photo], labels: Sequence[int]) -> dict[str, Any]:
    """Compare the models' answers with the labels. Of several faces in an image, the largest one counts.

    Args:
        photos: one for each label, in the same order.
        labels: the emotion of each, as its index in `EMOTIONS`.

    Returns:
        `images`, `faces` (how many were found), `missing` {reason: count}, `accuracy_of_all` (images without a
        detected face count as wrong), the metrics of `fer.evaluation.metrics.measure` on the detected faces, and
        `confusion` {true emotion: {predicted emotion: count}}.

    Raises:
        FerError: not a single face was found.
    """
    probabilities, found = [], []
    missing: Counter[str] = Counter()
    for photo, label in zip(photos, labels, strict=True):
        if photo.faces:
            probabilities.append(photo.faces[0].probabilities)
            found.append(label)
        else:
            missing["not readable" if not photo.read else "too small" if photo.too_small else "no face found"] += 1
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in missing.most_common())
    if not found:
        raise FerError(
            f"No face to measure in {_count(len(labels), 'image')}: {reasons}. If the images are face crops, use "
            "--no-detect."
        )
    truth = np.array(found)
    measured = metrics.measure(np.stack(probabilities), truth)
    answers = np.stack(probabilities).argmax(axis=1)
    counts = np.bincount(truth * len(EMOTIONS) + answers, minlength=len(EMOTIONS) ** 2).reshape(len(EMOTIONS), -1)
    return {
        "images": len(labels),
        "faces": len(found),
        "missing": dict(missing),
        "accuracy_of_all": float((answers == truth).sum()) / len(labels),
        **measured,
        "confusion": {
            emotion: dict(zip(EMOTIONS, map(int, row), strict=True))
            for emotion, row in zip(EMOTIONS, counts, strict=True)
        },
    }


def table(measured: dict[str, Any]) -> str:
    """The result as text of at most 80 columns: a summary, then recall and confusion per emotion."""
    accuracy, low, high = (100 * measured[key] for key in ("accuracy", "accuracy_low", "accuracy_high"))
    lines = [
        f"{_count(measured['faces'], 'face')} in {_count(measured['images'], 'image')}: accuracy {accuracy:.2f} % "
        f"(95 % interval {low:.1f} to {high:.1f})"
    ]
    if measured["missing"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in measured["missing"].items())
        lines.append(f"Left out: {reasons}")
        lines.append(f"Accuracy {100 * measured['accuracy_of_all']:.2f} % if those left out count as wrong")
    lines.append(
        f"Balanced accuracy {100 * measured['balanced_accuracy']:.2f} %, log loss {measured['log_loss']:.3f}, "
        f"calibration error {100 * measured['ece']:.1f} %"
    )
    width = [max(len(name), 4) for name in EMOTIONS]
    heads = " ".join(f"{name:>{wide}}" for name, wide in zip(EMOTIONS, width, strict=True))
    lines += ["", f"{'truth':<9} {'recall':>6} {'faces':>6} {heads}"]
    for emotion, row in measured["confusion"].items():
        recall = f"{100 * measured['recall'][emotion]:.0f} %" if emotion in measured["recall"] else "-"
        counts = " ".join(f"{count:>{wide}}" for count, wide in zip(row.values(), width, strict=True))
        lines.append(f"{emotion:<9} {recall:>6} {sum(row.values()):>6} {counts}")
    return "\n".join(lines) + "\n"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def figure(measured: dict[str, Any]) -> "Figure":
    """The confusion matrix as a figure, normalised over each true emotion."""
    from matplotlib.figure import Figure

    counts = np.array([list(row.values()) for row in measured["confusion"].values()], float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    picture = Figure(figsize=(7.2, 6.2), layout="constrained")
    axes = picture.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(shares.shape):
        if counts[row].sum():
            ink = "white" if shares[row, column] > 0.5 else "black"
            text = f"{100 * shares[row, column]:.0f}\n({counts[row, column]:.0f})"
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=9)
    axes.set(
        xticks=range(len(EMOTIONS)), yticks=range(len(EMOTIONS)), xlabel="predicted emotion", ylabel="true emotion"
    )
    axes.set_xticklabels(EMOTIONS, rotation=30, ha="right")
    axes.set_yticklabels(EMOTIONS)
    low, high = 100 * measured["accuracy_low"], 100 * measured["accuracy_high"]
    title = f"Accuracy {100 * measured['accuracy']:.1f} % ({low:.1f} to {high:.1f}) on {measured['faces']:,} faces"
    axes.set_title(f"{title}\nin percent of a row, with the number of faces", loc="left", fontsize=11)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return picture
