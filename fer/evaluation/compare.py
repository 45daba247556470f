"""The models side by side: ranked by val, and every pair tested on the same test faces.

Two accuracies measured on the same faces are correlated, so overlapping intervals say little. What counts is
the faces on which exactly one of the two models is right.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from fer import artifacts, paths
from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.evaluation import plot_tables, significance
from fer.evaluation.subsets import REQUIRED
from fer.models import MODELS


@dataclass(frozen=True)
class MeasuredModel:
    """A model, an ensemble or somebody else's probabilities, as the stage `measure` has left them.

    Attributes:
        name: of the model.
        metrics: the content of `metrics/test/<name>.json`.
        answers: the content of `plots/confusion/<name>.csv`: each test face with its `row`, `actual` and `predicted`.
    """

    name: str
    metrics: Mapping[str, Any]
    answers: pd.DataFrame

    @property
    def correct(self) -> np.ndarray:
        """Whether each test face was recognised, bool [N]."""
        return (self.answers["actual"] == self.answers["predicted"]).to_numpy()

    def value(self, subset: str, metric: str = "accuracy") -> float | None:
        """One metric of one set of faces, None where the set was not measured."""
        found = self.metrics.get(subset, {}).get(metric)
        return None if found is None else float(found)

    def count(self, key: str) -> int | None:
        """`parameters` or `epochs`, None where they are not known."""
        found = self.metrics.get(key)
        return None if found is None else int(found)

    @property
    def members(self) -> dict[str, float]:
        """The models whose mean this is, with their weights; none, if it is no ensemble."""
        return {str(member): float(weight) for member, weight in self.metrics.get("members", {}).items()}

    def recall(self, emotion: str) -> float | None:
        """Recall of one emotion on test, None where test doesn't hold it."""
        found = self.metrics["test"]["recall"].get(emotion)
        return None if found is None else float(found)


@dataclass(frozen=True)
class Pair:
    """Two models on the same test faces.

    Attributes:
        first, second: their names.
        first_only, second_only: faces that only the first, or only the second, recognised.
        difference, low, high: accuracy of the second minus that of the first, and its 95 % interval.
        p: p-value of `significance.mcnemar`.
        p_holm: the same, corrected for the number of pairs.
    """

    first: str
    second: str
    first_only: int
    second_only: int
    difference: float
    low: float
    high: float
    p: float
    p_holm: float

    @property
    def key(self) -> str:
        """Name of the pair in `metrics/comparison.json`: the same whatever the outcome."""
        return f"{self.second}_over_{self.first}"


def names() -> list[str]:
    """All that has been measured: the table of models first, in its order, then the others by name.

    Raises:
        FerError: nothing has been measured.
    """
    measured = sorted(path.stem for path in paths.TEST_METRICS.glob("*.json"))
    if not measured:
        raise FerError(f"No model has been measured: {paths.TEST_METRICS} is empty. Run `dvc repro`.")
    return [*(name for name in MODELS if name in measured), *(name for name in measured if name not in MODELS)]


def load() -> list[MeasuredModel]:
    """Read what the stage `measure` has left of each model, in the order of `names`.

    Raises:
        FerError: a file is missing or incomplete, or two models were measured on different faces.
    """
    found = []
    for name in names():
        file, table = paths.TEST_METRICS / f"{name}.json", plot_tables.CONFUSION / f"{name}.csv"
        model = MeasuredModel(name, artifacts.read_json(file), artifacts.read_table(table))
        missing = [key for key in REQUIRED if key not in model.metrics]
        missing += [column for column in ("row", "actual", "predicted") if column not in model.answers.columns]
        if missing:
            raise FerError(f"What is recorded of {name} lacks {missing[0]}. Run `python -m stages.measure {name}`.")
        with artifacts.validating(file):
            for subset in REQUIRED:
                float(model.metrics[subset]["accuracy"])
            model.recall(EMOTIONS[0])
            dict(model.members)
        found.append(model)
    faces = ["row", "actual"]
    for other in found[1:]:
        if not found[0].answers[faces].equals(other.answers[faces]):
            raise FerError(
                f"{found[0].name} and {other.name} were measured on different test faces. Run `dvc repro`; if one of "
                f"them is no longer in dvc.yaml, delete its file in {paths.TEST_METRICS}."
            )
    return found


def paired(measured: Sequence[MeasuredModel], groups: np.ndarray, bootstrap: int) -> list[Pair]:
    """Every pair of models, with p-values corrected over all of them.

    Args:
        measured: the models.
        groups: int [faces], for every face of the data set the number of its group of copies, -1 without copies.
        bootstrap: resamples of each interval.

    Raises:
        FerError: test holds no face.
    """
    if not len(measured[0].answers):
        raise FerError("There is no test face to compare models on. Check the `split` section of params.yaml.")
    tested = groups[measured[0].answers["row"].to_numpy()]
    couples = list(combinations(measured, 2))
    gains = [second.correct.astype(int) - first.correct for first, second in couples]
    p_values = [significance.mcnemar(gain, tested) for gain in gains]
    return [
        Pair(
            first.name, second.name, int((gain < 0).sum()), int((gain > 0).sum()), float(gain.mean()),
            *significance.difference_interval(gain, tested, bootstrap), p, p_holm,
        )
        for (first, second), gain, p, p_holm in zip(couples, gains, p_values, significance.holm(p_values), strict=True)
    ]  # fmt: skip


def ranking(measured: Sequence[MeasuredModel]) -> list[MeasuredModel]:
    """Best first, by accuracy on val: selection never looks at test. The order given breaks a tie."""
    return sorted(measured, key=lambda model: -float(model.metrics["val"]["accuracy"]))


def summary(measured: Sequence[MeasuredModel], pairs: Sequence[Pair]) -> dict[str, Any]:
    """The content of `metrics/comparison.json`: short, and numbers but for the name of the best model."""
    ranked = ranking(measured)
    order = [model.name for model in ranked]
    return {
        "best": ranked[0].name,
        "best_val_accuracy": ranked[0].value("val"),
        "best_test_accuracy": ranked[0].value("test"),
        "rank_on_val": {model.name: order.index(model.name) + 1 for model in measured},
        "difference": {pair.key: pair.difference for pair in pairs},
        "p_holm": {pair.key: pair.p_holm for pair in pairs},
    }
