"""The pipeline itself: how soon a stage begins, and `dvc repro` with nothing to do."""

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import processes, project
from benchmarks.measure import Bench, Row, single
from fer import models, paths

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
CHECK = "from fer import check; check.params()"


def rows(bench: Bench) -> Iterator[Row]:
    """Starts, and `dvc repro`."""
    folder = Path.cwd() / "project"
    content = project.prepared(folder, bench)
    content.save(folder / paths.FACES)
    # What was found right is remembered, so the stages find a project as it is after its first run.
    processes.run((sys.executable, "-c", CHECK), folder=folder)
    processes.run((sys.executable, "-m", "stages.split"), folder=folder)
    project.write_landmarks(folder, len(content))
    yield from starts(bench, folder)
    yield from nothing_to_do(bench, folder)


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
