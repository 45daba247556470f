"""What every part measures with: works that are repeated in turns, medians with their spread, rows of the tables."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer import config

TOP = Path(__file__).parents[1]
# FER2013's official split: what speeds are turned into times with.
TRAIN_FACES, VAL_FACES, ALL_FACES = 28_709, 3_589, 35_887
LEAST, MOST = 3, 15  # repeats


@dataclass(frozen=True)
class Figure:
    """The median of some repeats, and their spread: the lowest and the highest."""

    median: float
    low: float
    high: float
    repeats: int

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Figure":
        """Of one or more repeats."""
        return cls(float(np.median(samples)), float(min(samples)), float(max(samples)), len(samples))


@dataclass(frozen=True)
class Row:
    """A line of a table.

    Attributes:
        key: by which `targets.TARGETS` finds it; `part.what`.
        work: what was measured.
        unit: of the figures.
        ours: the project's way.
        plain: the baseline; None where only ours was measured.
        ratio: how many times as fast ours is; the two ways took turns, and this is the median over the turns.
        note: what a reader must know to understand the figure.
        missing: why there is no figure.
    """

    key: str
    work: str
    unit: str = ""
    ours: Figure | None = None
    plain: Figure | None = None
    ratio: Figure | None = None
    note: str = ""
    missing: str = ""


def single(key: str, work: str, unit: str, samples: Sequence[float], note: str = "") -> Row:
    """A row of ours alone."""
    return Row(key, work, unit, Figure.of(samples), note=note)


def compared(key: str, work: str, unit: str, plain: Sequence[float], ours: Sequence[float], note: str = "") -> Row:
    """A row of two speeds that were measured in turns."""
    ratios = [our / own for own, our in zip(plain, ours, strict=True)]
    return Row(key, work, unit, Figure.of(ours), Figure.of(plain), Figure.of(ratios), note)


@dataclass(frozen=True)
class Bench:
    """What a part is given.

    Attributes:
        device: cpu or cuda.
        quick: whether to try the code only, with tiny sizes and one repeat.
        seconds: for the repeats of the part.
        params: the settings as params.yaml has them, on this device.
    """

    device: str
    quick: bool
    seconds: float
    params: config.Params

    @property
    def least(self) -> int:
        """Repeats at least."""
        return 1 if self.quick else LEAST

    def wait(self) -> None:
        """Wait until the device has done what it was given."""
        if self.device == "cuda":
            import torch

            torch.cuda.synchronize()

    def clock(self, work: Callable[[], object]) -> Callable[[], float]:
        """A function that does a work and returns its seconds."""

        def timed() -> float:
            self.wait()
            began = time.perf_counter()
            work()
            self.wait()
            return time.perf_counter() - began

        return timed

    def speed(self, work: Callable[[], object], amount: float) -> Callable[[], float]:
        """A function that does a work and returns its speed, `amount` being what it does."""
        timed = self.clock(work)
        return lambda: amount / timed()

    def in_turns(self, works: Mapping[str, Callable[[], float]], share: float = 1.0) -> dict[str, list[float]]:
        """Repeat works in turns, so that a disturbance of the machine meets all of them.

        Args:
            works: functions that return what they have measured; each is called once before, but for `quick`.
            share: of the part's seconds. There are at least LEAST turns, however long they take, and at most MOST.

        Returns:
            For each work what it gave in each turn.
        """
        for work in () if self.quick else works.values():
            work()
        found: dict[str, list[float]] = {name: [] for name in works}
        until = time.perf_counter() + share * self.seconds
        for turn in range(1 if self.quick else MOST):
            if turn >= self.least and time.perf_counter() >= until:
                break
            for name, work in works.items():
                found[name].append(work())
        return found
