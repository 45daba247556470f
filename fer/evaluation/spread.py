"""How far a model's accuracy moves with the seed of its training: `metrics/seeds/<model>.json`, made by `fer.seeds`.

The file holds `val`, `val_single_view`, `balanced_accuracy` and `log_loss` (and `test`, where a final model was asked
for it), each with `mean` and `std` over the seeds (the sample standard deviation, from two seeds on); `runs`, the same
of each seed; `seconds`, how long each one's training took; `settings`, all that decides the result but for the seed;
and `causes`, a digest of these, code and data. Earlier series with other causes are kept in `metrics/experiments/`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from fer import artifacts, config_file, paths
from fer.config import Params

# A run by its seed: a value for each metric.
Runs = Mapping[int, Mapping[str, float]]


@dataclass(frozen=True)
class Spread:
    """What several trainings of one model gave that differ in their seed alone.

    Attributes:
        runs: the metrics of each seed.
        settings: all that decides the result but for the seed, by dotted keys.
        causes: a digest of the settings, the code and the data.
        seconds: how long the training with each seed took, where that is known.
    """

    runs: Runs = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    causes: str = ""
    seconds: Mapping[int, float] = field(default_factory=dict)

    def by_seed(self, metric: str) -> dict[int, float]:
        """One metric of all runs that have it, in the order of their seeds."""
        return {seed: run[metric] for seed, run in sorted(self.runs.items()) if metric in run}

    def values(self, metric: str) -> list[float]:
        """The same without the seeds."""
        return list(self.by_seed(metric).values())

    def text(self, metric: str) -> str:
        """A share in percent: `59.6 ± 0.3 (3 seeds)`; empty where no run has it."""
        values = self.values(metric)
        return f"{points(values)} ({len(values)} seed{'s' * (len(values) > 1)})" if values else ""

    def minutes(self) -> float | None:
        """How long a training took in the mean, None where it is not known."""
        return mean(self.seconds.values()) / 60 if self.seconds else None

    def differs(self, params: Params) -> dict[str, Any]:
        """The settings, by their dotted keys, that were others than those of `params.yaml` now."""
        now = config_file.flat(params)
        return {key: value for key, value in self.settings.items() if key not in now or now[key] != value}


def points(values: Sequence[float], sign: str = "") -> str:
    """Mean and standard deviation of shares, in percent or points: `59.6 ± 0.3`.

    Args:
        values: at least one; one alone has no deviation.
        sign: `+` to write it in any case.
    """
    deviation = f" ± {100 * stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * mean(values):{sign}.1f}{deviation}"


def gain(values: Mapping[int, float], base: Mapping[int, float]) -> str:
    """The difference to another series, seed by seed: `+0.4 ± 0.2`; empty if they have no seed in common."""
    differences = [values[seed] - base[seed] for seed in values if seed in base]
    return points(differences, "+") if differences else ""


def path(name: str) -> Path:
    """The file of a model."""
    return paths.SEEDS / f"{name}.json"


def earlier(name: str, causes: str) -> Path:
    """The file of an earlier series of a model."""
    return paths.EXPERIMENTS / f"{name}-{causes}.json"


def write(file: Path, spread: Spread) -> None:
    """Write a file."""
    metrics = list(dict.fromkeys(metric for run in spread.runs.values() for metric in run))
    summary = {}
    for metric in metrics:
        values = spread.values(metric)
        summary[metric] = {"mean": mean(values)} | ({"std": stdev(values)} if len(values) > 1 else {})
    content = artifacts.rounded({**summary, "runs": dict(sorted(spread.runs.items()))})
    # Learning rates and the like are not rounded.
    content |= {"seconds": {seed: round(time, 1) for seed, time in sorted(spread.seconds.items())}}
    content |= {"settings": dict(spread.settings), "causes": spread.causes}
    artifacts.write_text(file, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read(file: Path) -> Spread:
    """Read a file; without runs where there is none.

    Raises:
        FerError: it is damaged.
    """
    if not file.exists():
        return Spread()
    content = artifacts.read_json(file)
    with artifacts.validating(file):
        runs = {int(seed): {key: float(value) for key, value in run.items()} for seed, run in content["runs"].items()}
        seconds = {int(seed): float(value) for seed, value in content.get("seconds", {}).items()}
        return Spread(runs, dict(content["settings"]), str(content["causes"]), seconds)


def read_all(params: Params) -> tuple[dict[str, Spread], dict[str, list[str]]]:
    """The files of all models.

    Args:
        params: the settings of `params.yaml`.

    Returns:
        Those that were made with these settings; and of each other one the settings that differ.
    """
    found = {file.stem: read(file) for file in sorted(paths.SEEDS.glob("*.json"))}
    others = {name: list(keys) for name, spread in found.items() if (keys := spread.differs(params))}
    return {name: spread for name, spread in found.items() if name not in others}, others
