"""Commands: how long they take, and how much memory they and their children hold."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

POLL = 0.1  # seconds between two looks at the memory
GRACE = 20.0  # seconds in which a command has to end that was asked to


@dataclass(frozen=True)
class Done:
    """What a command took.

    Attributes:
        seconds: from its start to its end.
        peak: bytes that it and its children held at once; what they share, such as mapped files, counts once for each.
        stopped: whether it was stopped before its end.
    """

    seconds: float
    peak: int
    stopped: bool


def run(command: Sequence[object], limit: float | None = None, folder: Path | None = None) -> Done:
    """Run a command and watch its memory.

    Args:
        command: its words.
        limit: seconds after which it is stopped.
        folder: in which it runs.

    Raises:
        RuntimeError: it fails; the message has the end of its output.
    """
    log = (folder or Path()) / "command.log"
    began, peak, stopped = time.perf_counter(), 0, False
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            while process.poll() is None:
                peak = max(peak, held(process.pid))
                if limit is not None and time.perf_counter() - began > limit and not stopped:
                    process.send_signal(signal.SIGTERM)
                    stopped = True
                if stopped and time.perf_counter() - began > (limit or 0) + GRACE:
                    process.kill()
                time.sleep(POLL)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
    if process.returncode and not stopped:
        raise RuntimeError(f"{_shown(command)} failed: {last_line(log)}")
    return Done(time.perf_counter() - began, peak, stopped)


def seconds(command: Sequence[object], folder: Path | None = None) -> float:
    """The seconds that a command takes.

    Raises:
        RuntimeError: it fails.
    """
    began = time.perf_counter()
    output(command, folder)
    return time.perf_counter() - began


def output(command: Sequence[object], folder: Path | None = None) -> str:
    """What a command prints.

    Raises:
        RuntimeError: it fails.
    """
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{_shown(command)} failed: {done.stderr.strip()[-300:]}")
    return done.stdout


def _shown(command: Sequence[object]) -> str:
    return " ".join(" ".join(map(str, command)).split())[-60:]


def held(number: int) -> int:
    """Bytes that a process and its children hold."""
    try:
        parent = psutil.Process(number)
        return sum(process.memory_info().rss for process in (parent, *parent.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


def end_group(process: subprocess.Popen) -> None:
    """End a process that leads a group of its own, and all that it has started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def last_line(log: Path) -> str:
    """The last line of a log."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
    return lines[-1][-300:] if lines else "without a word"
