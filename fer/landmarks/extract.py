"""Landmarks of a whole set of faces, averaged over views, in several processes.

One view of a face gives points that tremble by a pixel or two. Several views (another border, another size, the
mirror image) tremble differently, and their mean is worth 2 to 2.5 points of accuracy to every model on landmarks.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer import artifacts, writing
from fer.config import Landmarks as Settings
from fer.errors import FerError
from fer.landmarks.mesh import Mesh, require_mediapipe
from fer.landmarks.normalize import normalize
from fer.sizes import POINTS

CHUNK = 32  # faces a task: about half a second of work, so the progress bar moves


@dataclass(frozen=True)
class Landmarks:
    """The normalised landmarks of N faces, in the order of the faces.

    Attributes:
        points: float32 [N, 478, 3], without pose, in distances between the eyes (`normalize`), averaged over
            the views that found the face; NaN where none did.
        views: uint8 [N], how many views found the face.
    """

    points: np.ndarray
    views: np.ndarray

    def __post_init__(self) -> None:
        expected = {"points": (np.float32, (len(self.points), POINTS, 3)), "views": (np.uint8, (len(self.points),))}
        for name, (dtype, shape) in expected.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != dtype:
                raise ValueError(f"{name} must be {np.dtype(dtype)} {shape}: {array.dtype} {array.shape}")

    def __len__(self) -> int:
        return len(self.points)

    @property
    def detected(self) -> np.ndarray:
        """Whether a face was found, bool [N]."""
        return self.views > 0

    def save(self, folder: Path | str) -> None:
        """Write `points.npy` and `views.npy`."""
        folder = writing.clean_folder(folder)
        artifacts.write_array(folder / "points.npy", self.points)
        artifacts.write_array(folder / "views.npy", self.views)

    @classmethod
    def load(cls, folder: Path | str) -> "Landmarks":
        """Read what `save` wrote; the points are memory-mapped.

        Raises:
            FerError: a file is missing, damaged, or holds something else.
        """
        points = artifacts.read_array(Path(folder) / "points.npy", mmap=True)
        views = artifacts.read_array(Path(folder) / "views.npy")
        try:
            return cls(points, views)
        except (TypeError, ValueError) as error:
            raise FerError(f"{folder} holds no landmarks ({error}). Delete it and run `dvc repro`.") from error


def extract(images: np.ndarray, settings: Settings) -> Landmarks:
    """Find the landmarks of N faces in every view, remove the pose, and average.

    The result depends on the images and on `settings.confidence` and `.views`, not on the number of processes.

    Args:
        images: uint8 [N, S, S], grey.
        settings: the section `landmarks` of `params.yaml`.

    Raises:
        FerError: MediaPipe is missing or fails, or one of the processes died.
    """
    require_mediapipe()
    points = np.empty((len(images), POINTS, 3), np.float32)
    views = np.zeros(len(images), np.uint8)
    start = 0
    for part, found in _progress(_in_processes(_average_chunk, images, settings), len(images), settings):
        points[start : start + len(part)], views[start : start + len(part)] = part, found
        start += len(part)
    return Landmarks(points, views)


def locate(images: np.ndarray, settings: Settings) -> np.ndarray:
    """Where the landmarks lie in the images, for pictures of them: those of the first view that finds a face.

    Args:
        images: uint8 [N, S, S], grey.
        settings: as `extract` takes them.

    Returns:
        float32 [N, 478, 3] in sides of the image, NaN where no view finds a face.

    Raises:
        FerError: as `extract`.
    """
    require_mediapipe()
    parts = [part for part, _ in _in_processes(_locate_chunk, images, settings)]
    return np.concatenate(parts or [np.empty((0, POINTS, 3), np.float32)])


Found = tuple[np.ndarray, np.ndarray]
Work = Callable[[np.ndarray, Settings], Found]


def _in_processes(work: Work, images: np.ndarray, settings: Settings) -> Iterator[Found]:
    """Let several processes do the work chunk by chunk, and yield the results in order."""
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
            # Forgotten one by one: the results of a large set must not lie in memory twice.
            futures = deque(executor.submit(work, chunk, settings) for chunk in chunks)
            while futures:
                yield futures.popleft().result()
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


def _progress(results: Iterator[Found], total: int, settings: Settings) -> Iterator[Found]:
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
        task = progress.add_task(f"Landmarks in {len(settings.views)} views", total=total, found=0.0)
        for points, views in results:
            done, found = done + len(points), found + int((views > 0).sum())
            progress.update(task, completed=done, found=found / done)
            yield points, views


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


class Locator:
    """Finds landmarks in this very process, which suits a few faces. Not safe for use by several threads at once.

    Args:
        settings: the section `landmarks` of `params.yaml`.

    Raises:
        FerError: MediaPipe is missing or fails.
    """

    def __init__(self, settings: Settings) -> None:
        self._views = settings.views
        self._mesh = Mesh(settings.confidence)

    def average(self, images: np.ndarray) -> Found:
        """Mean normalised landmarks of faces, over the views that find them.

        Args:
            images: uint8 [n, S, S], grey.

        Returns:
            float32 [n, 478, 3], NaN where no view finds the face, and the number of views behind each, uint8 [n].
        """
        located = self.locate(images)
        normalised = normalize(located, ~np.isnan(located[..., 0, 0]))
        known = ~np.isnan(normalised[..., :1, :1])
        views = known.sum(axis=0).astype(np.uint8)
        total = np.where(known, normalised, 0).sum(axis=0, dtype=np.float64)
        with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, which is what a face that no view found shall be
            return (total / views).astype(np.float32), views.reshape(-1)

    def locate(self, images: np.ndarray) -> np.ndarray:
        """Landmarks in each view, float32 [views, n, 478, 3] in sides of the image, NaN where none were found."""
        located = np.full((len(self._views), len(images), POINTS, 3), np.nan, np.float32)
        for number, view in enumerate(self._views):
            for row, face in enumerate(images):
                points = self._mesh.find(face, view)
                if points is not None:
                    located[number, row] = points
        return located


_locator: Locator | None = None  # of a worker process


def _own_locator(settings: Settings) -> Locator:
    global _locator
    if _locator is None:
        _locator = Locator(settings)
    return _locator


def _average_chunk(images: np.ndarray, settings: Settings) -> Found:
    return _own_locator(settings).average(images)


def _locate_chunk(images: np.ndarray, settings: Settings) -> Found:
    """Landmarks of the first view that finds each face, float32 [n, 478, 3], and whether one does, uint8 [n]."""
    located = _own_locator(settings).locate(images)
    found = ~np.isnan(located[..., 0, 0])
    return located[found.argmax(axis=0), np.arange(len(images))], found.any(axis=0).astype(np.uint8)
