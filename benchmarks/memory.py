"""The peak memory of every stage: `python -m benchmarks.memory`, in a project whose stages have run.

Runs each stage's command again and adds up what it and its processes hold, ten times a second. A training is stopped
after `--seconds`, which is long enough for its peak: it lies in the first epoch and its validation.
"""

import shlex
import signal
import subprocess
import time
from pathlib import Path

import click
import psutil
import yaml


@click.command()
@click.argument("stages", nargs=-1)
@click.option("--seconds", default=120.0, show_default=True, help="After these a stage is stopped.")
def main(stages: tuple[str, ...], seconds: float) -> None:
    """Print the peak memory of STAGES, or of all that dvc.lock knows."""
    lock = yaml.safe_load(Path("dvc.lock").read_text())["stages"]
    for stage in stages or lock:
        peak, ended = measure(shlex.split(lock[stage]["cmd"]), seconds)
        click.echo(f"{stage:<20} {peak / 1e9:6.2f} GB{'' if ended else f'   (stopped after {seconds:.0f} s)'}")


def measure(command: list[str], seconds: float) -> tuple[int, bool]:
    """The most bytes that a command and its children held at once, and whether it ended by itself."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until, peak = time.monotonic() + seconds, 0
    while process.poll() is None and time.monotonic() < until:
        peak = max(peak, held(process.pid))
        time.sleep(0.1)
    ended = process.poll() is not None
    if not ended:
        process.send_signal(signal.SIGTERM)
        process.wait()
    return peak, ended


def held(number: int) -> int:
    """Bytes of a process and its children; what they share, such as mapped files, counts once for each."""
    try:
        parent = psutil.Process(number)
        return sum(process.memory_info().rss for process in (parent, *parent.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


if __name__ == "__main__":
    main()
