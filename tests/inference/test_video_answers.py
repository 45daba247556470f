"""Which frames of a video are searched as a whole, and which near the faces of an earlier one."""

import numpy as np
import pytest

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


@pytest.mark.parametrize("number", [0, 1, 3])
def test_an_error_in_any_frame_ends_the_video(number):
    with pytest.raises(MemoryError):
        list(answered(frames(8), Stub(fails=number), keep_frames=False))
