"""How long each stage took when DVC ran it last, and how fast that machine is: `metrics/stage_times.json`.

`fer.plan` estimates from it. No stage depends on it, and DVC does not know it.
"""

import contextlib
import os
import platform
import time
from typing import Any

import numpy as np
import psutil

from fer import artifacts, paths, writing
from fer.errors import FerError

FILE, NOTES = paths.METRICS / "stage_times.json", paths.CACHE / "speed.json"
_SIDE, _SECONDS = 512, 0.2


def record() -> None:
    """Note how long this process took, if DVC has started it as a stage."""
    stage = os.environ.get("DVC_STAGE")
    if stage:
        taken = {"seconds": time.time() - psutil.Process().create_time(), "speed": speed()}
        # A stage that can't note its time has not failed. Other stages may end at the same time.
        with contextlib.suppress(FerError, OSError), writing.alone("stage_times"):
            artifacts.write_json(FILE, dict(sorted((read() | {stage: taken}).items())))


def read() -> dict[str, Any]:
    """What is known: by stage, as DVC calls it, `seconds` and `speed`."""
    return artifacts.read_cache(FILE)


def speed() -> float:
    """How fast this machine multiplies matrices with all its cores, in billions of operations a second.

    It is measured once, in a fifth of a second: the best of many products, so that short disturbances do not count.
    """
    machine = f"{platform.node()}, {os.cpu_count()} cores, {os.environ.get('OMP_NUM_THREADS', 'all')} threads"
    notes = artifacts.read_cache(NOTES)
    if not isinstance(notes.get(machine), float):
        matrix = np.ones((_SIDE, _SIDE), np.float32)
        best, until = float("inf"), time.perf_counter() + _SECONDS
        while time.perf_counter() < until:
            began = time.perf_counter()
            matrix @ matrix
            best = min(best, time.perf_counter() - began)
        notes[machine] = round(2e-9 * _SIDE**3 / best, 1)
        with contextlib.suppress(FerError):
            artifacts.write_json(NOTES, notes)
    return float(notes[machine])
