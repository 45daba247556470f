"""`make torture`: stop `dvc repro` at random moments, run it to its end, and look whether anything differs.

It works on a small project of drawn faces in a folder of its own. Every blow hits one stage: a signal (to DVC, to the
stage, or to both), or a limit on the size of files, which to a stage is a full disk. After each blow the pipeline runs
to its end, and then every output must have the bytes of the undisturbed run, no temporary file may lie about, and no
process may be left.
"""

import contextlib
import random
import resource
import shlex
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import psutil
import yaml

from tests.pipeline.conftest import TINY, Project, commit, copy, surroundings

VICTIMS = ("group", "dvc", "stage")
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
LIMITS = (0, 100, 1_000, 10_000, 100_000)
PATIENCE = 300  # seconds for whatever should end by itself
# What may hold results besides the outputs, and differs by nature.
TIMES = "metrics/times/"


@dataclass(frozen=True)
class Blow:
    """One disturbance of one stage.

    Attributes:
        stage: which one.
        kind: `group`, `dvc` or `stage` for a signal, `checkpoint` for a kill while one is written, `disk` for a limit.
        number: the signal, or the limit in bytes.
        moment: when, as a share of the stage's usual time.
    """

    stage: str
    kind: str
    number: int
    moment: float

    def __str__(self) -> str:
        what = f"at most {self.number:,} bytes a file" if self.kind == "disk" else signal.Signals(self.number).name
        return f"{self.stage:<18} {self.kind:<10} {what:<28} at {self.moment:4.0%}"


class Torture:
    """A project that was built once, and the blows that it must survive.

    Args:
        project: built by `dvc repro`, and committed.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.lock = yaml.safe_load((project.folder / "dvc.lock").read_text())["stages"]
        self.outputs = self._outputs()
        self.seconds: dict[str, float] = {}

    @property
    def stages(self) -> list[str]:
        return list(self.lock)

    def strike(self, blow: Blow) -> None:
        """Disturb a stage, run the pipeline to its end, and compare."""
        if blow.kind == "disk":
            self._fill_disk(blow)
        else:
            self._kill(blow)
        self._wait_for_orphans()
        self.project.dvc("repro", "--no-run-cache")
        differing = {path for path, digest in self._outputs().items() if self.outputs.get(path) != digest}
        assert not differing, f"{blow}: other bytes in {sorted(differing)}"
        # In .cache/temporary a killed stage's files stay until its next run, which deletes them.
        found = self.project.folder.rglob(".*.part*")
        left = [path for path in found if not {".git", "temporary"} & set(path.parts)]
        assert not left, f"{blow}: left behind {left}"
        assert not self.processes(), f"{blow}: still running {self.processes()}"

    def draw(self, count: int, rng: random.Random) -> list[Blow]:
        """That many blows: each stage once before any twice, and the kinds in turn."""
        rounds = -(-count // len(self.stages))
        order = [stage for _ in range(rounds) for stage in rng.sample(self.stages, len(self.stages))]
        kinds = ("group", "disk", "stage", "dvc", "group", "checkpoint")
        blows = []
        for place, stage in enumerate(order[:count]):
            kind = kinds[place % len(kinds)]
            if kind == "checkpoint" and not stage.startswith("train"):
                kind = "stage"
            if kind == "disk":
                number = rng.choice(LIMITS)
            else:
                number = int(signal.SIGKILL if kind == "checkpoint" else rng.choice(SIGNALS))
            blows.append(Blow(stage, kind, number, round(rng.uniform(0.05, 0.95), 2)))
        return blows

    def _outputs(self) -> dict[str, str]:
        """The digest of every output that DVC has recorded, but for the times."""
        lock = yaml.safe_load((self.project.folder / "dvc.lock").read_text())["stages"]
        outs = [out for stage in lock.values() for out in stage["outs"] if not out["path"].startswith(TIMES)]
        return {out["path"]: out["md5"] for out in outs}

    def _usual_seconds(self, stage: str) -> float:
        """How long the stage takes under DVC when nobody disturbs it."""
        if stage not in self.seconds:
            began = time.monotonic()
            self.project.dvc("repro", "--force", "--single-item", "--no-run-cache", stage)
            self.seconds[stage] = time.monotonic() - began
        return self.seconds[stage]

    def _kill(self, blow: Blow) -> None:
        seconds = self._usual_seconds(blow.stage)
        dvc = self.project.start("repro", "--force", "--single-item", "--no-run-cache", blow.stage)
        if blow.kind == "checkpoint":
            self._wait_for_checkpoint(dvc)
        else:
            time.sleep(seconds * blow.moment)
        self._send(dvc, blow)
        dvc.wait(PATIENCE)

    def _writes_checkpoint(self) -> bool:
        with contextlib.suppress(FileNotFoundError):  # a folder is deleted while it is searched
            return any(self.project.folder.glob(".cache/temporary/*/.last.part*"))
        return False

    def _wait_for_checkpoint(self, dvc: subprocess.Popen) -> None:
        while dvc.poll() is None and not self._writes_checkpoint():
            time.sleep(0.0005)

    def _send(self, dvc: subprocess.Popen, blow: Blow) -> None:
        # A signal may come too late for whom it is meant; a run that was not disturbed must pass as well.
        stages = [process for process in self.processes() if "stages." in " ".join(process.cmdline())]
        for process in [*stages, psutil.Process(dvc.pid)] if dvc.poll() is None else []:
            is_dvc = process.pid == dvc.pid
            if blow.kind == "group" or is_dvc == (blow.kind == "dvc"):
                try:
                    process.send_signal(blow.number)
                except psutil.NoSuchProcess:
                    continue

    def _fill_disk(self, blow: Blow) -> None:
        """Run the stage without DVC, which would stumble over the limit itself."""
        command = shlex.split(self.lock[blow.stage]["cmd"])

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (blow.number, blow.number))

        before = self._bytes(blow.stage)
        # Python 3.11 keeps half-written bytecode.
        environment = surroundings() | {"PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, cwd=self.project.folder, env=environment, preexec_fn=limit, capture_output=True, text=True
        )
        assert "Traceback" not in done.stderr, f"{blow}: {done.stderr}"
        if done.returncode:
            assert "The disk is full" in done.stderr, f"{blow}: {done.stderr}"
            assert self._bytes(blow.stage) == before, f"{blow}: half of the outputs were written"
        self.project.dvc("repro", "--force", "--single-item", "--no-run-cache", blow.stage)

    def _bytes(self, stage: str) -> dict[str, bytes]:
        """The stage's outputs as they lie there, but for times and curves, which tell of a training as it goes."""
        passing = (TIMES, "plots/curves/")
        paths = [out["path"] for out in self.lock[stage]["outs"] if not out["path"].startswith(passing)]
        places = [self.project.folder / path for path in paths]
        files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*"))]
        return {str(file): file.read_bytes() for file in files if file.is_file()}

    def processes(self) -> list[psutil.Process]:
        """All processes that work in the project's folder."""
        found = []
        for process in psutil.process_iter():
            try:
                if Path(process.cwd()) == self.project.folder and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def _wait_for_orphans(self) -> None:
        """A stage whose DVC was killed goes on; somebody who reads the message of the lock waits for it."""
        until = time.monotonic() + PATIENCE
        while self.processes() and time.monotonic() < until:
            time.sleep(0.2)


@click.command()
@click.option("--blows", default=20, show_default=True, help="How many.")
@click.option("--seed", default=0, show_default=True, help="Draws stages, kinds and moments.")
def main(blows: int, seed: int) -> None:
    """Stop `dvc repro` at random moments, run it to its end, and compare every output with an undisturbed run."""
    with tempfile.TemporaryDirectory(prefix="fer-torture-") as folder:
        project = copy(Path(folder).resolve(), TINY)
        click.echo(f"Building the project in {folder}.")
        project.dvc("repro")
        commit(project, "built")
        torture = Torture(project)
        for number, blow in enumerate(torture.draw(blows, random.Random(seed)), start=1):
            click.echo(f"{number:3d}/{blows}  {blow} ", nl=False)
            began = time.monotonic()
            torture.strike(blow)
            click.echo(f"  same bytes, {time.monotonic() - began:3.0f} s")
    click.echo(f"{blows} blows: every output has the bytes of the undisturbed run.")


if __name__ == "__main__":
    main()
