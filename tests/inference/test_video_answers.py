"""Which frames of a video are searched as a whole, and which near the faces of an earlier one."""

import inspect
import os
import threading

import numpy as np
import pytest

from fer.cli.video import video
from fer.inference.faces import Face, Photo
from fer.inference.frame import Frame
from fer.inference.video_answers import answered


class Stub:
    """Finds a face in each frame, at a place that tells the frame's number, and notes how it was asked."""

    def __init__(self, fails=None):
        self.near, self.fails = {}, fails

    def stream(self, frames, *, keep_frames=False, near=()):
        for frame in frames:
            if frame.number == self.fails:
                raise MemoryError("too large")
            self.near[frame.number] = [box[0] for box in near]
            box = (float(frame.number), 0.0, 30.0, 30.0)
            yield Photo(frame.name, faces=[Face(box, 0.9, np.full(7, 1 / 7))], number=frame.number)


def frames(count):
    picture = np.zeros((4, 4, 3), np.uint8)
    return [Frame("clip.mp4", picture, number / 25, number) for number in range(count)]


def test_every_third_frame_is_searched_as_a_whole_and_tells_the_others_where():
    stub = Stub()
    photos = list(answered(frames(8), stub, keep_frames=False))
    assert [photo.number for photo in photos] == list(range(8))
    assert stub.near == {0: [], 1: [0.0], 2: [0.0], 3: [], 4: [3.0], 5: [3.0], 6: [], 7: [6.0]}


def test_every_frame_can_be_searched_as_a_whole():
    stub = Stub()
    assert len(list(answered(frames(4), stub, keep_frames=False, detect_every=1))) == 4
    assert set(map(tuple, stub.near.values())) == {()}


def test_frames_that_wait_for_another_hold_no_core(monkeypatch):
    """The next whole frame begins while the first one is still searched and two others wait for it."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    next_begins, in_time = threading.Event(), []

    class Slow(Stub):
        def stream(self, frames, **options):
            (frame,) = frames
            if frame.number == 0:
                in_time.append(next_begins.wait(10))
            elif frame.number == 3:
                next_begins.set()
            return super().stream([frame], **options)

    assert [photo.number for photo in answered(frames(6), Slow(), keep_frames=False)] == list(range(6))
    assert in_time == [True]


def test_the_command_has_the_same_default():
    (option,) = (option for option in video.params if option.name == "detect_every")
    assert option.default == inspect.signature(answered).parameters["detect_every"].default


@pytest.mark.parametrize("number", [0, 1, 3])
def test_an_error_in_any_frame_ends_the_video(number):
    with pytest.raises(MemoryError):
        list(answered(frames(8), Stub(fails=number), keep_frames=False))
