"""The models against each other: ranking, and paired significance on the same test faces.

Two accuracies measured on the same faces are correlated, so overlapping intervals say little. What counts is
the faces on which exactly one of the two models is right.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fer import artifacts
from fer.emotions import MODELS
from fer.errors import FerError
from fer.evaluation import metrics


@dataclass(frozen=True)
class Result:
    """One model's outcome.

    Attributes:
        name: of the model.
        metrics: the content of `metrics/<name>.json`.
        test: the rows of `data/predictions/<name>.parquet` that belong to test, sorted by name.
    """

    name: str
    metrics: Mapping[str, Any]
    test: pd.DataFrame

    @property
    def correct(self) -> np.ndarray:
        """Whether each test face was recognised, bool [N]."""
        return metrics.probabilities_of(self.test).argmax(axis=1) == metrics.labels_of(self.test)

    def value(self, subset: str, metric: str = "accuracy") -> float | None:
        """One metric of one subset, None where the subset was not measured."""
        found = self.metrics.get(subset, {}).get(metric)
        return None if found is None else float(found)

    def recall(self, emotion: str) -> float | None:
        """Recall of one emotion on test, None where test doesn't hold it."""
        found = self.metrics["test"]["recall"].get(emotion)
        return None if found is None else float(found)


@dataclass(frozen=True)
class Pair:
    """Two models on the same test faces.

    Attributes:
        first, second: their names.
        first_only, second_only: faces that only the one recognised.
        difference, low, high: accuracy of the second minus that of the first, and its 95 % interval.
        p: McNemar's exact p-value, two-sided.
        p_holm: the same, corrected for the number of pairs looked at.
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


def load(
    protocol: str,
    names: Sequence[str] = MODELS,
    scores: Path | str = "metrics",
    predictions: Path | str = "data/predictions",
) -> list[Result]:
    """Read the metrics and predictions of the named models.

    Args:
        protocol: `split.protocol`; under `combined` val belongs to test.
        names: of the models.
        scores: folder of `<name>.json`.
        predictions: folder of `<name>.parquet`.

    Raises:
        FerError: a file is missing or incomplete, or two models were measured on different faces.
    """
    tested = ("val", "test") if protocol == "combined" else ("test",)
    results = []
    for name in names:
        path = Path(scores) / f"{name}.json"
        content = artifacts.read_json(path)
        missing = [key for key in ("parameters", "training", "val", "test") if key not in content]
        table = artifacts.read_table(Path(predictions) / f"{name}.parquet")
        missing += [column for column in ("name", "split", "emotion") if column not in table.columns]
        if missing:
            raise FerError(f"The results of {name} lack {missing[0]}. Run `dvc repro -f evaluate@{name}`.")
        test = table[table["split"].isin(tested)].sort_values("name", ignore_index=True)
        results.append(Result(name, content, test))
    for other in results[1:]:
        if not results[0].test[["name", "emotion"]].equals(other.test[["name", "emotion"]]):
            raise FerError(
                f"{results[0].name} and {other.name} were measured on different test faces. Run `dvc repro`."
            )
    return results


def mcnemar(first_only: int, second_only: int) -> float:
    """Exact two-sided p-value of McNemar's test (1947): is either model right alone more often?

    Under the null hypothesis each of the discordant faces falls to either model with chance 1/2.
    """
    from scipy.stats import binomtest

    discordant = first_only + second_only
    return float(binomtest(first_only, discordant, 0.5).pvalue) if discordant else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): the chance of any false alarm stays at the level of one test."""
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return [float(value) for value in adjusted]


def difference_interval(
    first_only: int, second_only: int, faces: int, bootstrap: int, seed: int = 0
) -> tuple[float, float]:
    """95 % paired bootstrap interval of accuracy(second) - accuracy(first), resampling faces.

    How many faces of each kind (first alone right, second alone right, neither or both) a resample draws is
    multinomial, so the counts are drawn instead of the faces.
    """
    shares = np.array([first_only, second_only, faces - first_only - second_only]) / faces
    draws = np.random.default_rng(seed).multinomial(faces, shares, size=bootstrap)
    low, high = np.percentile((draws[:, 1] - draws[:, 0]) / faces, [2.5, 97.5])
    return float(low), float(high)


def paired(results: Sequence[Result], bootstrap: int, seed: int = 0) -> list[Pair]:
    """Every pair of models, with p-values corrected over all of them.

    Raises:
        FerError: test holds no face.
    """
    correct = {result.name: result.correct for result in results}
    found: list[tuple[str, str, int, int]] = []
    for first, second in combinations(correct, 2):
        a, b = correct[first], correct[second]
        found.append((first, second, int((a & ~b).sum()), int((b & ~a).sum())))
    faces = len(results[0].test) if results else 0
    if not faces:
        raise FerError("There is no test face to compare models on. Check the `split` section of params.yaml.")
    p_values = [mcnemar(first_only, second_only) for _, _, first_only, second_only in found]
    pairs = []
    for (first, second, first_only, second_only), p, p_holm in zip(found, p_values, holm(p_values), strict=True):
        low, high = difference_interval(first_only, second_only, faces, bootstrap, seed)
        difference = (second_only - first_only) / faces
        pairs.append(Pair(first, second, first_only, second_only, difference, low, high, p, p_holm))
    return pairs


def ranking(results: Sequence[Result]) -> list[Result]:
    """Best first, by accuracy on val: selection never looks at test. The order given breaks a tie."""
    return sorted(results, key=lambda result: -float(result.metrics["val"]["accuracy"]))


def summary(results: Sequence[Result], pairs: Sequence[Pair]) -> dict[str, Any]:
    """The content of `metrics/comparison.json`: short, and numbers but for the name of the best model."""
    ranked = [result.name for result in ranking(results)]
    best = next(result for result in results if result.name == ranked[0])
    return {
        "best": best.name,
        "best_val_accuracy": best.value("val"),
        "best_test_accuracy": best.value("test"),
        "rank_on_val": {result.name: ranked.index(result.name) + 1 for result in results},
        "difference": {pair.key: pair.difference for pair in pairs},
        "p_holm": {pair.key: pair.p_holm for pair in pairs},
    }
