"""The pipeline itself: how soon a stage begins, how much memory it holds, and `dvc repro` with nothing to do."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import made, processes, project
from benchmarks.measure import Bench, Row, single
from fer import models, paths
from fer.data.sets import DATA_SETS

# Runs a stage until it opens the first file of the pipeline's data, and ends it there.
UNTIL_WORK = """
import os, runpy, sys
data = tuple(os.path.abspath(name) + os.sep for name in ("data", "models"))
def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
        if os.path.abspath(os.fsdecode(arguments[0])).startswith(data):
            os._exit(0)
sys.addaudithook(watch)
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
sys.exit("the stage has read no data")
"""
FIRST = ("download", "split")
CHECK = "from fer import check; check.params()"
LIMITS = {"landmarks": 12.0, "train": 20.0, "evaluate": 14.0, "export": 14.0}
"""Seconds after which a stage is stopped: long enough for its peak, which lies at its beginning."""


def rows(bench: Bench) -> Iterator[Row]:
    """Starts, `dvc repro`, and the memory of each stage."""
    began, folder = time.perf_counter(), Path.cwd() / "project"
    project.copy(folder, bench.params)
    made.write_graph(bench.params, folder / paths.GRAPHS)
    made.write_parts(bench.params, folder / paths.MODELS)
    content = project.faces(few=bench.quick)
    first: list[tuple[str, ...]] = [("split",)]
    if bench.quick:
        content.save(folder / paths.FACES)
    else:
        first.insert(0, ("download",))
        archive = folder.parent / "fer2013.zip"
        project.write_archive(archive, content)
        os.environ[DATA_SETS["fer2013"].variable] = str(archive)
    # What was found right is remembered, so the stages find a project as it is after its first run.
    processes.run((sys.executable, "-c", CHECK), folder=folder)
    later = [] if bench.quick else later_stages()
    peaks: dict[str, float] = {}
    yield from memory(folder, first, peaks, began + bench.seconds)
    project.write_landmarks(folder, len(content))
    yield from starts(bench, folder)
    yield from nothing_to_do(bench, folder)
    if not bench.quick:
        project.write_models(folder, bench.params)
        project.write_predictions(folder, content, bench.params)
        yield from memory(folder, later, peaks, began + bench.seconds)
    if peaks:
        yield largest(peaks, len(first) + len(later))


def largest(peaks: dict[str, float], stages: int) -> Row:
    """The largest peak, if all of so many stages were measured: among some of them it says nothing."""
    name = max(peaks, key=lambda name: peaks[name])
    work = "the largest of these stages"
    if len(peaks) < stages:
        reason = f"only {len(peaks)} of {stages} stages were, with {peaks[name]:.2f} GB at most"
        return Row("memory.peak", work, missing=reason)
    return single("memory.peak", work, "GB", [peaks[name]], name)


def starts(bench: Bench, folder: Path) -> Iterator[Row]:
    """From the call of a stage until it opens the first file of data."""

    def start(*words: str) -> float:
        return processes.seconds((sys.executable, "-c", UNTIL_WORK, *words), folder)

    network = next(iter(models.MODELS))
    works = {"split": ("stages.split",), "train": ("stages.train", network)}
    chosen = ["split"] if bench.quick else list(works)
    found = bench.in_turns({name: lambda name=name: start(*works[name]) for name in chosen}, share=0.1)
    words = {"split": "a stage without a network (split)", "train": f"a stage with a network (train {network})"}
    for name, samples in found.items():
        yield single(f"start.{name}", f"{words[name]}, until it reads its first data", "s", samples)


def nothing_to_do(bench: Bench, folder: Path) -> Iterator[Row]:
    """`dvc repro` when all is up to date; the outputs that no stage has written here are made up."""
    dvc = (sys.executable, "-m", "dvc")
    project.fill_outputs(folder)
    processes.run((*dvc, "commit", "--force", "--quiet"), folder=folder)
    if "up to date" not in processes.output((*dvc, "status"), folder):
        raise RuntimeError("dvc repro would run something: dvc.lock and the outputs do not agree")
    found = bench.in_turns({"repro": lambda: processes.seconds((*dvc, "repro"), folder)}, share=0.05)
    yield single("dvc.nothing", "dvc repro with nothing to do", "s", found["repro"])


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


def memory(folder: Path, stages: list[tuple[str, ...]], peaks: dict[str, float], until: float) -> Iterator[Row]:
    """The peak of each stage and its processes on as many faces as FER2013 has.

    Args:
        folder: of the project.
        stages: with their arguments.
        peaks: gets the peak of each in GB.
        until: the time after which no stage is started, but for those before which nothing else can be measured.
    """
    for stage, *arguments in stages:
        work = " ".join((stage, *arguments))
        key = f"memory.{work.replace(' ', '@')}"
        if time.perf_counter() > until and stage not in FIRST:
            yield Row(key, f"stage {work}", missing="no time was left")
            continue
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
