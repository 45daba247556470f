"""Landmarks of a whole set of faces, in several processes."""

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer import artifacts
from fer.config import Landmarks as Settings
from fer.errors import FerError
from fer.landmarks.mesh import POINTS, Mesh, require_mediapipe

CHUNK = 64  # faces a task: about a third of a second of work, so the progress bar moves


@dataclass(frozen=True)
class Landmarks:
    """The landmarks of N faces, in the order of the faces.

    Attributes:
        xyz: float32 [N, 478, 3]; x and y in sides of the face image (0 .. 1 inside it, y downwards), z in
            the same unit (smaller is nearer the camera); zero where no face was found.
        detected: bool [N], whether a face was found.
        attempt: uint8 [N], the attempt that found it, from 1; 0 = not found.
    """

    xyz: np.ndarray
    detected: np.ndarray
    attempt: np.ndarray

    def __post_init__(self) -> None:
        count = len(self.xyz)
        expected = {"xyz": (count, POINTS, 3), "detected": (count,), "attempt": (count,)}
        dtypes = {"xyz": np.float32, "detected": np.bool_, "attempt": np.uint8}
        for name, shape in expected.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != dtypes[name]:
                raise ValueError(f"{name} must be {np.dtype(dtypes[name])} {shape}: {array.dtype} {array.shape}")

    def __len__(self) -> int:
        return len(self.xyz)

    def save(self, path: Path | str) -> None:
        """Write the three arrays as one .npz file."""
        artifacts.write_arrays(path, xyz=self.xyz, detected=self.detected, attempt=self.attempt)

    @classmethod
    def load(cls, path: Path | str) -> "Landmarks":
        """Read what `save` wrote.

        Raises:
            FerError: the file is missing, damaged, or holds something else.
        """
        arrays = artifacts.read_arrays(path)
        try:
            return cls(**arrays)
        except (TypeError, ValueError) as error:
            raise FerError(f"{path} holds no landmarks ({error}). Delete it and run `dvc repro`.") from error


def extract(images: np.ndarray, settings: Settings) -> Landmarks:
    """Find the landmarks of N faces.

    The result depends on the images and on `settings.size`, `.confidence` and `.borders`, not on the number
    of processes.

    Args:
        images: uint8 [N, S, S], grey.
        settings: the section `landmarks` of `params.yaml`.

    Raises:
        FerError: MediaPipe is missing or fails, or one of the processes died.
    """
    require_mediapipe()
    count = len(images)
    xyz = np.zeros((count, POINTS, 3), np.float32)
    attempt = np.zeros(count, np.uint8)
    start = 0
    for points, attempts in _progress(_chunks(images, settings), count):
        xyz[start : start + len(points)] = points
        attempt[start : start + len(points)] = attempts
        start += len(points)
    return Landmarks(xyz, attempt > 0, attempt)


Found = tuple[np.ndarray, np.ndarray]


def _chunks(images: np.ndarray, settings: Settings) -> Iterator[Found]:
    """Run the processes and yield each chunk's result in order."""
    chunks = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
    workers = min(settings.workers or _cores(), len(chunks))
    if not workers:
        return
    with tempfile.TemporaryDirectory(prefix="fer-landmarks-") as folder:
        log = Path(folder, "stderr")
        others = set(multiprocessing.active_children())
        # A forked child would inherit the locks of threads that no longer run in it; a spawned one has none.
        executor = ProcessPoolExecutor(
            workers, multiprocessing.get_context("spawn"), initializer=_start_worker, initargs=(str(log),)
        )
        try:
            for future in [executor.submit(_find_chunk, chunk, settings) for chunk in chunks]:
                yield future.result()
        except BrokenProcessPool as error:
            raise FerError(
                f"A process that looked for landmarks died{_last_words(log)}. If memory ran out, "
                "set landmarks.workers to a smaller number; then run again."
            ) from error
        except BaseException:  # Ctrl-C above all: what the workers still compute, nobody will read
            for process in set(multiprocessing.active_children()) - others:
                process.kill()
            raise
        finally:
            executor.shutdown(cancel_futures=True)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _last_words(log: Path) -> str:
    """What a dead process wrote about a failed check, or nothing."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    fatal = [line.strip() for line in lines if line.startswith("F0") or "Check failed" in line]
    return f" ({fatal[-1][:300]})" if fatal else ""


def _progress(results: Iterator[Found], total: int) -> Iterator[Found]:
    """Pass the chunks on and draw a progress bar on a terminal's stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("faces, {task.fields[found]:.1%} found,"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    console = Console(stderr=True)
    done = found = 0
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("Landmarks", total=total, found=0.0)
        for points, attempts in results:
            done, found = done + len(points), found + int((attempts > 0).sum())
            progress.update(task, completed=done, found=found / done)
            yield points, attempts


_mesh: Mesh | None = None


def _start_worker(log: str) -> None:
    """Prepare a worker process.

    MediaPipe's C++ code writes notes to file descriptor 2 that nobody can act on. They go to `log`; Python's
    own stderr stays what it was.
    """
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
    # On Ctrl-C the parent cancels the work; a worker's own traceback would only be noise.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()
    import cv2

    cv2.setNumThreads(1)


def _follow_parent() -> None:
    """End this process when its parent is gone: a killed parent can't say goodbye."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _find_chunk(images: np.ndarray, settings: Settings) -> Found:
    """Landmarks float32 [n, 478, 3] and attempts uint8 [n] of one chunk, in a worker process."""
    global _mesh
    if _mesh is None:
        _mesh = Mesh(settings.size, settings.confidence)
    xyz = np.zeros((len(images), POINTS, 3), np.float32)
    attempt = np.zeros(len(images), np.uint8)
    for row, face in enumerate(images):
        points, attempt[row] = _mesh.find(face, settings.borders)
        if points is not None:
            xyz[row] = points
    return xyz, attempt
