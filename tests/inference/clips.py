"""Small videos of drawn faces that move."""

from fractions import Fraction

import cv2
import numpy as np

from fer.data import drawn

SIZE = (320, 240)
RATE = 25


def straight(x, y, speed, side=100):
    """The way of a face: its left edge, upper edge and side at each frame."""
    return lambda number: (round(x + speed * number), y, side)


LEFT_TO_RIGHT, RIGHT_TO_LEFT = straight(0, 20, 6), straight(215, 120, -6)


def pictures(count, *ways, size=SIZE):
    """Frames uint8 [H, W, 3] in which each face goes its way; later ones pass in front."""
    faces = drawn.draw(4 + len(ways), seed=3).images[4:]
    for number in range(count):
        frame = np.full((size[1], size[0]), 128, np.uint8)
        for face, way in zip(faces, ways, strict=True):
            x, y, side = way(number)
            left, right, below = max(0, x), min(size[0], x + side), min(size[1], y + side)
            if left < right:
                large = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
                frame[y:below, left:right] = large[: below - y, left - x : right - x]
        yield np.repeat(frame[..., None], 3, axis=2)


def write(path, frames, *, rate=RATE, times=None, sound=None, heard=None, rotation=0, options=None):
    """Encode frames as H.264.

    Args:
        path: of the file; its suffix decides the container.
        frames: uint8 [H, W, 3].
        rate: frames a second.
        times: of the frames in milliseconds instead of the rate.
        sound: the encoder of a tone; None for none.
        heard: whether the sound has anything at the time of a frame, by its number; None for always.
        rotation: in the metadata, in degrees.
        options: of the container.
    """
    import av

    with av.open(str(path), "w", options=options or {}) as output:
        video = output.add_stream("libx264", rate=rate)
        video.pix_fmt, video.options, video.codec_context.gop_size = "yuv420p", {"preset": "ultrafast"}, 10
        if times is not None:
            video.codec_context.time_base = Fraction(1, 1000)
        if rotation:
            video.set_display_rotation(rotation)
        if sound is not None:
            audio = output.add_stream(sound, rate=44_100)
            audio.layout = "mono"
        for number, picture in enumerate(frames):
            if number == 0:
                video.height, video.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number if times is None else times[number]
            frame.time_base = Fraction(1, rate if times is None else 1000)
            output.mux(video.encode(frame))
            if sound is not None and (heard is None or heard(number)):
                output.mux(audio.encode(_tone(av, number, 44_100 // rate)))
        output.mux(video.encode(None))
        if sound is not None:
            output.mux(audio.encode(None))


def _tone(av, number, samples):
    seconds = np.arange(number * samples, (number + 1) * samples) / 44_100
    wave = (8000 * np.sin(2 * np.pi * 440 * seconds)).astype(np.int16)
    tone = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
    tone.sample_rate, tone.pts, tone.time_base = 44_100, number * samples, Fraction(1, 44_100)
    return tone
