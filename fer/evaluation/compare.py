"""The models against each other: ranking, and paired significance on the same test faces.

Two accuracies measured on the same faces are correlated, so overlapping intervals say little. What counts is
the faces on which exactly one of the two models is right.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fer import artifacts
from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.evaluation.plot_tables import PLOTS
from fer.models import MODELS


@dataclass(frozen=True)
class Result:
    """One model's outcome.

    Attributes:
        name: of the model.
        metrics: the content of `metrics/detail/<name>.json`.
        test: the content of `plots/confusion/<name>.csv`: each test face with its `row`, `actual` and `predicted`.
    """

    name: str
    metrics: Mapping[str, Any]
    test: pd.DataFrame

    @property
    def correct(self) -> np.ndarray:
        """Whether each test face was recognised, bool [N]."""
        return (self.test["actual"] == self.test["predicted"]).to_numpy()

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
    names: Sequence[str] = tuple(MODELS),
    details: Path | str = "metrics/detail",
    answers: Path | str = PLOTS / "confusion",
) -> list[Result]:
    """Read what the evaluations of the named models found.

    Args:
        names: of the models.
        details: folder of `<name>.json`.
        answers: folder of `<name>.csv`.

    Raises:
        FerError: a file is missing or incomplete, or two models were measured on different faces.
    """
    results = []
    for name in names:
        content = artifacts.read_json(Path(details) / f"{name}.json")
        missing = [key for key in ("parameters", "epochs", "val", "test") if key not in content]
        test = artifacts.read_table(Path(answers) / f"{name}.csv")
        missing += [column for column in ("row", "actual", "predicted") if column not in test.columns]
        if missing:
            raise FerError(f"The results of {name} lack {missing[0]}. Run `dvc repro -f evaluate@{name}`.")
        result = Result(name, content, test)
        with artifacts.validating(Path(details) / f"{name}.json"):
            for subset in ("val", "test"):
                float(content[subset]["accuracy"])
            result.recall(EMOTIONS[0])
        results.append(result)
    for other in results[1:]:
        if not results[0].test[["row", "actual"]].equals(other.test[["row", "actual"]]):
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
    # Too small a chance for a float is still no certainty.
    return max(float(binomtest(first_only, discordant, 0.5).pvalue), sys.float_info.min) if discordant else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): the chance of any false alarm stays at the level of one test."""
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return [float(value) for value in adjusted]


def difference_interval(gain: np.ndarray, groups: np.ndarray, bootstrap: int, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval (Efron 1979) of a difference of accuracies, resampling groups of copies.

    Copies of one face are answered alike, so they are no independent evidence: they are drawn together.

    Args:
        gain: int [N], +1 where only the second model is right, -1 where only the first is, else 0.
        groups: int [N], equal for copies of a face, -1 for a face without copies.
        bootstrap: resamples.
        seed: of these.
    """
    alone = groups < 0
    unit = np.where(alone, groups.max(initial=0) + 1 + np.arange(len(groups)), groups)
    _, unit = np.unique(unit, return_inverse=True)
    gains, faces = np.bincount(unit, gain), np.bincount(unit)
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(bootstrap):
        drawn = generator.integers(len(faces), size=len(faces))
        found.append(gains[drawn].sum() / faces[drawn].sum())
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def paired(results: Sequence[Result], groups: np.ndarray, bootstrap: int) -> list[Pair]:
    """Every pair of models, with p-values corrected over all of them.

    Args:
        results: the models.
        groups: int [faces], for every face of the data set the number of its group of copies, -1 alone.
        bootstrap: resamples of each interval.

    Raises:
        FerError: test holds no face.
    """
    if not len(results[0].test):
        raise FerError("There is no test face to compare models on. Check the `split` section of params.yaml.")
    tested = groups[results[0].test["row"].to_numpy()]
    gains = {
        (first.name, second.name): second.correct.astype(int) - first.correct
        for first, second in combinations(results, 2)
    }
    only = {names: (int((gain < 0).sum()), int((gain > 0).sum())) for names, gain in gains.items()}
    p_values = [mcnemar(*counts) for counts in only.values()]
    return [
        Pair(*names, *only[names], float(gain.mean()), *difference_interval(gain, tested, bootstrap), p, p_holm)
        for (names, gain), p, p_holm in zip(gains.items(), p_values, holm(p_values), strict=True)
    ]


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
