"""Answers a video's frames on all cores, and follows their faces."""

import os
from collections.abc import Iterable, Iterator
from functools import partial

from fer.inference.faces import Photo
from fer.inference.frame import Frame
from fer.inference.predictor import Predictor
from fer.inference.sources import ahead
from fer.inference.track import PATIENCE, Tracker

_PATIENT_FRAMES = 3  # for which a lost face is looked for at least


def answered(frames: Iterable[Frame], predictor: Predictor, keep_frames: bool) -> Iterator[Photo]:
    """The answers to frames, in their order.

    Args:
        frames: for example those of `fer.inference.video.Source.frames`.
        predictor: with one thread: a frame a core is faster than one frame on all cores.
        keep_frames: whether each answer keeps its frame.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return ahead((partial(_answer, predictor, frame, keep_frames) for frame in frames), cores)


def _answer(predictor: Predictor, frame: Frame, keep_frame: bool) -> Photo:
    return next(predictor.stream([frame], keep_frames=keep_frame))


def tracker(rate: float) -> Tracker:
    """A tracker for a video.

    Args:
        rate: frames a second that are looked at.
    """
    return Tracker(max(PATIENCE, _PATIENT_FRAMES / rate))
