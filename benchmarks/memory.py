"""How much memory each stage of the pipeline holds on as many faces as FER2013 has.

It is a project's first run: its first stage also checks the settings of all models, for which it loads their libraries.
The 29 stages take longer than all other parts together, so it is measured by `--only memory` alone.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import processes, project
from benchmarks.measure import Bench, Row, single
from fer import models, paths
from fer.data.sets import DATA_SETS

LIMITS = {"landmarks": 12.0, "train": 20.0, "evaluate": 14.0, "export": 14.0}
"""Seconds after which a stage is stopped: long enough for its peak, which lies at its beginning."""


def rows(bench: Bench) -> Iterator[Row]:
    """The peak of each stage, and the largest of them."""
    folder = Path.cwd() / "project"
    content = project.prepared(folder, bench)
    if bench.quick:
        content.save(folder / paths.FACES)
        first: list[tuple[str, ...]] = [("split",)]
    else:
        first = [("download",), ("split",)]
        archive = folder.parent / "fer2013.zip"
        project.write_archive(archive, content)
        os.environ[DATA_SETS["fer2013"].variable] = str(archive)
    peaks: dict[str, float] = {}
    yield from memory(folder, first, peaks)
    if not bench.quick:
        project.write_landmarks(folder, len(content))
        project.write_models(folder, bench.params)
        project.write_predictions(folder, content, bench.params)
        yield from memory(folder, later_stages(), peaks)
    yield largest(peaks, len(first) + (0 if bench.quick else len(later_stages())))


def largest(peaks: dict[str, float], stages: int) -> Row:
    """The largest peak, if all of so many stages were measured: among some of them it says nothing."""
    name = max(peaks, key=lambda name: peaks[name])
    work = "the largest of these stages"
    if len(peaks) < stages:
        reason = f"only {len(peaks)} of {stages} stages were, with {peaks[name]:.2f} GB at most"
        return Row("memory.peak", work, missing=reason)
    return single("memory.peak", work, "GB", [peaks[name]], name)


def later_stages() -> list[tuple[str, ...]]:
    """The stages after `split` with their arguments, in the order of the pipeline; one of several that are alike."""
    names = list(models.MODELS)
    pretrained = [name for name in names if models.network(name).starts_pretrained]
    return [
        ("landmarks",),
        ("graphs",),
        *(("weights", name) for name in pretrained),
        *((stage, name) for stage in ("train", "evaluate") for name in names),
        ("measure", names[0]),
        *(("export", name) for name in names),
    ]


def memory(folder: Path, stages: list[tuple[str, ...]], peaks: dict[str, float]) -> Iterator[Row]:
    """The peak of each stage and its processes on as many faces as FER2013 has.

    Args:
        folder: of the project.
        stages: with their arguments.
        peaks: gets the peak of each in GB.
    """
    for stage, *arguments in stages:
        work = " ".join((stage, *arguments))
        key = f"memory.{work.replace(' ', '@')}"
        try:
            done = _run(folder, stage, *arguments)
        except RuntimeError as error:
            yield Row(key, f"stage {work}", missing=str(error))
            continue
        peaks[work] = done.peak / 1e9
        note = f"stopped after {LIMITS[stage]:.0f} s" if done.stopped else f"took {done.seconds:.1f} s"
        yield single(key, f"stage {work}", "GB", [peaks[work]], note)


def _run(folder: Path, stage: str, *arguments: str) -> processes.Done:
    command = (sys.executable, "-m", f"stages.{stage}", *arguments)
    return processes.run(command, LIMITS.get(stage), folder)
