"""Answers a video's frames on all cores, and follows their faces."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from fer.inference.faces import Photo
from fer.inference.frame import Frame
from fer.inference.predictor import Predictor
from fer.inference.track import PATIENCE, Tracker

_PATIENT_FRAMES = 3  # for which a lost face is looked for at least
_PENDING_BYTES = 100_000_000  # of the frames that are not yet answered


def answered(
    frames: Iterable[Frame], predictor: Predictor, keep_frames: bool, detect_every: int = 3
) -> Iterator[Photo]:
    """The answers to frames, in their order.

    Args:
        frames: for example those of `fer.inference.video.Source.frames`.
        predictor: with one thread: a frame a core is faster than one frame on all cores.
        keep_frames: whether each answer keeps its frame.
        detect_every: all of every n-th frame is searched for faces; the frames after it near the faces found there.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pool = ThreadPoolExecutor(cores, "fer-answer")
    pending: deque[_Task] = deque()
    whole: _Task | None = None
    try:
        for number, frame in enumerate(frames):
            task = _Task(predictor, frame, keep_frames, None if number % detect_every == 0 else whole)
            pending.append(task)
            if task.whole is None:
                whole = task
                task.start(pool)
            # A task that waits for another would hold a core. So the next whole frame begins before those that wait.
            for other in pending:
                if task is whole or other.can_start:
                    other.start(pool)
            while len(pending) > max(1, min(cores + detect_every, _PENDING_BYTES // frame.rgb.nbytes)):
                yield pending.popleft().result(pool)
        while pending:
            yield pending.popleft().result(pool)
    finally:
        pool.shutdown(cancel_futures=True)


class _Task:
    """A frame to be answered.

    Args:
        predictor: answers it.
        frame: the frame.
        keep_frame: whether the answer keeps it.
        whole: the task whose faces this frame is searched near; None to search the whole frame.
    """

    def __init__(self, predictor: Predictor, frame: Frame, keep_frame: bool, whole: "_Task | None") -> None:
        self._predictor, self._frame, self._keep_frame = predictor, frame, keep_frame
        self.whole = whole
        self._future: Future[Photo] | None = None

    @property
    def can_start(self) -> bool:
        """Whether it has to wait for no other task."""
        return self.whole is None or (self.whole._future is not None and self.whole._future.done())

    def start(self, pool: ThreadPoolExecutor) -> Future[Photo]:
        """Have it answered, unless that has begun."""
        if self._future is None:
            self._future = pool.submit(self._answer)
        return self._future

    def result(self, pool: ThreadPoolExecutor) -> Photo:
        """The answer."""
        return self.start(pool).result()

    def _answer(self) -> Photo:
        near = []
        if self.whole is not None and self.whole._future is not None:
            near = [face.box for face in self.whole._future.result().faces]
        return next(self._predictor.stream([self._frame], keep_frames=self._keep_frame, near=near))


def tracker(rate: float) -> Tracker:
    """A tracker for a video.

    Args:
        rate: frames a second that are looked at.
    """
    return Tracker(max(PATIENCE, _PATIENT_FRAMES / rate))
