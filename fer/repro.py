"""`python -m fer.repro --jobs 2`: what `dvc repro` does, with several stages at a time.

DVC runs one stage after another. A training with small batches uses only a part of several cores or of a GPU, so stages
that do not depend on each other end sooner side by side. Each is run by `dvc repro --single-item` in a process of its
own; DVC lets several of these work in one folder.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import click

from fer.errors import FerError, not_installed

try:
    from fer import check, commands, plan
    from fer.stopping import Stopped
except ModuleNotFoundError as missing:
    raise SystemExit(f"Error: {not_installed(missing)}") from None

UNKNOWN = 60.0  # seconds that a stage without a recorded time counts
# What DVC says after each stage, and what helps after the last one only.
_CHATTER = ("Updating lock file", "To track the", "To enable auto", "Use `dvc push`", "\tgit add", "\tdvc config")


@dataclass(frozen=True)
class Stage:
    """A stage that is to run.

    Attributes:
        needs: the stages to run before it.
        seconds: about how long it takes.
    """

    needs: frozenset[str]
    seconds: float


def stages() -> dict[str, Stage]:
    """The stages that `dvc repro` would run now, at most, in its order.

    Raises:
        FerError: DVC can't tell.
    """
    import networkx  # type: ignore[import-untyped]

    with check.dvc() as repo:
        running = {str(stage.addressing): stage for stage in check.running(repo)}
        graph = repo.index.graph
        found = {}
        for name, stage in running.items():
            before = {str(other.addressing) for other in networkx.descendants(graph, stage)}
            seconds = plan.of_stage(stage).seconds
            found[name] = Stage(frozenset(before & running.keys()), UNKNOWN if seconds is None else seconds)
        return found


def critical_path(found: Mapping[str, Stage]) -> dict[str, float]:
    """The length of the critical path that begins with each stage: the seconds until the pipeline's end, at least.

    Args:
        found: the stages by their names, each after those that it needs.
    """
    left: dict[str, float] = {}
    for name in reversed(list(found)):
        after = (left[other] for other, stage in found.items() if name in stage.needs)
        left[name] = found[name].seconds + max(after, default=0.0)
    return left


def run(found: Mapping[str, Stage], jobs: int, one: Callable[[str], bool], stop: Callable[[], None]) -> list[str]:
    """Run stages, as many at a time as wished; of those that can start, the one with the most work after it first.

    Args:
        found: the stages by their names, each after those that it needs.
        jobs: how many at a time.
        one: runs a stage, and says whether it succeeded; is called in threads.
        stop: ends all calls of `one`; is called if this one is interrupted.

    Returns:
        The stages that failed. After the first failure no further stage is started.
    """
    left = critical_path(found)
    waiting, done, failed = dict(found), set[str](), list[str]()
    at_work: dict[Future[bool], str] = {}
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while at_work or (waiting and not failed):
                ready = [name for name, stage in waiting.items() if stage.needs <= done and not failed]
                for name in sorted(ready, key=lambda name: -left[name])[: jobs - len(at_work)]:
                    del waiting[name]
                    at_work[pool.submit(one, name)] = name
                for future in wait(at_work, return_when=FIRST_COMPLETED).done:
                    name = at_work.pop(future)
                    (done.add if future.result() else failed.append)(name)
        except BaseException:
            stop()
            raise
    return failed


class Processes:
    """Stages that DVC runs, each in a process of its own.

    Args:
        threads: that a stage computes with.
    """

    def __init__(self, threads: str) -> None:
        self._environment = os.environ | {"OMP_NUM_THREADS": threads}
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, stage: str) -> bool:
        """Run a stage, and print what it says, with its name before each line; whether it succeeded."""
        command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", stage]
        with self._lock:
            if self._stopped:
                return False
            # A session of its own: Ctrl-C comes to this process alone, which passes it on.
            process = subprocess.Popen(
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._running.add(process)
        for line in process.stdout or ():
            if line.strip() and not line.startswith(_CHATTER):
                click.echo(f"{stage}: {line.rstrip()}")
        status = process.wait()
        with self._lock:
            self._running.discard(process)
            if status and not self._stopped:
                click.echo(f"{stage}: failed. No further stage is started.", err=True)
        return status == 0

    def stop(self) -> None:
        """Interrupt all stages, as Ctrl-C does, and start no other."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGINT)


@commands.long_command("repro")
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="How many stages at a time, at most."
)
def main(jobs: int) -> None:
    """Rebuild what has changed, as `dvc repro` does, with several stages at a time.

    The cores are divided among the stages: each computes with OMP_NUM_THREADS = cores / JOBS threads, if you do not set
    it. The number of threads changes the order of sums and so their rounding: for the same digits, use the same number.

    You can stop at any time; the same command goes on. Trainings continue after their last finished epoch.
    """
    with commands.exclusive("repro", "python -m fer.repro"):
        found = stages()
        if not found:
            click.echo("Nothing to run: all is up to date.")
            return
        threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, (os.cpu_count() or 1) // jobs))
        click.echo(f"{len(found)} stages at most, {jobs} at a time, OMP_NUM_THREADS={threads}.")
        processes = Processes(threads)
        try:
            failed = run(found, jobs, processes.run, processes.stop)
        except Stopped as stopped:
            stopped.outcome = "finished stages and epochs are saved; the same command goes on from there"
            raise
    if failed:
        raise FerError(f"{', '.join(failed)} failed, see above. The same command goes on after that.")
    click.echo("All stages are done.")


if __name__ == "__main__":
    main()
