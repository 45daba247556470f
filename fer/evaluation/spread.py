"""How far a model's accuracy moves with the seed of its training: `metrics/seeds/<model>.json`, made by `fer.seeds`.

The file holds `val`, `val_single_view`, `balanced_accuracy` and `log_loss` (and `test`, where a final model was asked
for it), each with `mean` and `std` over the seeds (the sample standard deviation, from two seeds on); `runs`, the same
of each seed; `settings`, all that decides the result but for the seed; and `causes`, a digest of these, code and data.
"""

import json
from collections.abc import Mapping
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
    """

    runs: Runs = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    causes: str = ""

    def values(self, metric: str) -> list[float]:
        """One metric of all runs that have it, in the order of their seeds."""
        return [run[metric] for _, run in sorted(self.runs.items()) if metric in run]

    def text(self, metric: str) -> str:
        """A share in percent: `59.6 ± 0.3 (3 seeds)`; empty where no run has it."""
        values = self.values(metric)
        deviation = f" ± {100 * stdev(values):.1f}" if len(values) > 1 else ""
        return f"{100 * mean(values):.1f}{deviation} ({len(values)} seed{'s' * (len(values) > 1)})" if values else ""

    def differs(self, params: Params) -> list[str]:
        """The settings, by their dotted keys, that were others than those of `params.yaml` now."""
        now = config_file.flat(params)
        return [key for key, value in self.settings.items() if key not in now or now[key] != value]


def path(name: str) -> Path:
    """The file of a model."""
    return paths.SEEDS / f"{name}.json"


def write(name: str, spread: Spread) -> None:
    """Write the file of a model."""
    metrics = list(dict.fromkeys(metric for run in spread.runs.values() for metric in run))
    summary = {}
    for metric in metrics:
        values = spread.values(metric)
        summary[metric] = {"mean": mean(values)} | ({"std": stdev(values)} if len(values) > 1 else {})
    content = artifacts.rounded({**summary, "runs": dict(sorted(spread.runs.items()))})
    # Learning rates and the like are not rounded.
    content |= {"settings": dict(spread.settings), "causes": spread.causes}
    artifacts.write_text(path(name), json.dumps(content, indent=2, allow_nan=False) + "\n")


def read(name: str) -> Spread:
    """Read the file of a model; without runs where there is none.

    Raises:
        FerError: it is damaged.
    """
    if not path(name).exists():
        return Spread()
    content = artifacts.read_json(path(name))
    with artifacts.validating(path(name)):
        runs = {int(seed): {key: float(value) for key, value in run.items()} for seed, run in content["runs"].items()}
        return Spread(runs, dict(content["settings"]), str(content["causes"]))


def read_all(params: Params) -> tuple[dict[str, Spread], dict[str, list[str]]]:
    """The files of all models.

    Args:
        params: the settings of `params.yaml`.

    Returns:
        Those that were made with these settings; and of each other one the settings that differ.
    """
    found = {file.stem: read(file.stem) for file in sorted(paths.SEEDS.glob("*.json"))}
    others = {name: differing for name, spread in found.items() if (differing := spread.differs(params))}
    return {name: spread for name, spread in found.items() if name not in others}, others
