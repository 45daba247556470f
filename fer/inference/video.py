"""A video as a source of frames: a file, a network stream or a camera, decoded ahead of the models in a thread."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING

import numpy as np

from fer.data import images
from fer.errors import FerError
from fer.inference.container import PROTOCOLS, open_container
from fer.inference.frame import Frame
from fer.inference.text import one_line, printable

if TYPE_CHECKING:
    import av

_AHEAD, _AHEAD_BYTES = 8, 100_000_000  # frames that are decoded ahead at most, and their size
_PATIENCE = 10.0  # seconds in which the thread that decodes may end
_USUAL_RATE, _HIGHEST_RATE = 30.0, 240.0  # frames a second where a source does not say, or says what can't be
_MISSING = 1.0  # seconds by which a video may end before its file says, since the sound is often a little longer


def open_source(name: str, megapixels: float = images.MAX_MEGAPIXELS) -> "Source":
    """Open a video.

    Args:
        name: of a file, the address of a stream (`rtsp://...`), or the number of a camera.
        megapixels: a video with larger frames is refused.

    Raises:
        FerError: it can't be read, contains no video or too large frames, or PyAV is not installed.
    """
    return Camera(int(name)) if name.isascii() and name.isdigit() else Video(name, megapixels)


class Source(ABC):
    """Where the frames of a video come from.

    Attributes:
        name: as a user types it.
        live: whether frames come at their own pace: then those that nobody takes in time are skipped.
        rate: frames a second, about.
        length: number of frames; None if it is not known.
        ahead: frames that are decoded ahead at most.
        start: the time stamp of the first frame, in seconds: frames and sound are counted from there.
        broken: frames that could not be decoded, so far.
        problem: why the video ended early; empty otherwise.
    """

    def __init__(self, name: str, live: bool) -> None:
        self.name, self.live = name, live
        self.rate: float = _USUAL_RATE
        self.length: int | None = None
        self.ahead = _AHEAD
        self.start = 0.0
        self.broken, self.problem = 0, ""
        self._ended = threading.Event()

    @abstractmethod
    def decode(self, every: int) -> Generator[Frame, None, None]:
        """Decode every n-th frame, and release the source at the end."""

    def frames(self, every: int = 1) -> Generator[Frame, None, None]:
        """Every n-th frame, upright, decoded ahead in another thread. Can be called once.

        Args:
            every: 1 for all frames.
        """
        waiting: Queue[Frame | BaseException | None] = Queue(1 if self.live else self.ahead)
        thread = threading.Thread(target=self._fill, args=(waiting, every), name="fer-decode", daemon=True)
        thread.start()
        try:
            while (frame := waiting.get()) is not None:
                if isinstance(frame, BaseException):
                    raise frame
                yield frame
        finally:
            self._ended.set()
            thread.join(_PATIENCE)

    def _fill(self, waiting: "Queue[Frame | BaseException | None]", every: int) -> None:
        last: BaseException | None = None
        try:
            with closing(self.decode(every)) as frames:
                for frame in frames:
                    self._put(waiting, frame)
                    if self._ended.is_set():
                        return
        except BaseException as error:  # raised again where the frames are taken
            last = error
        self._put(waiting, last)

    def _put(self, waiting: "Queue[Frame | BaseException | None]", item: Frame | BaseException | None) -> None:
        droppable = self.live and isinstance(item, Frame)
        while not self._ended.is_set():
            try:
                waiting.put(item, timeout=0.0 if droppable else 0.2)
                return
            except Full:
                if droppable:
                    with suppress(Empty):
                        waiting.get_nowait()


class Video(Source):
    """A video file, or a network stream.

    Its frames are turned upright by the file's metadata, and their pixels are made square.

    Raises:
        FerError: as `open_source`.
    """

    def __init__(self, name: str, megapixels: float = images.MAX_MEGAPIXELS) -> None:
        live = name.lower().startswith(PROTOCOLS)
        super().__init__(name, live)
        self._shown = printable(name)
        self._container = open_container(name)
        try:
            self._stream = self._pictures_of(self._container, megapixels)
        except BaseException:
            self._container.close()
            raise
        rate = float(self._stream.average_rate or self._stream.guessed_rate or _USUAL_RATE)
        # Browsers' recordings with frames at odd times pass for 1,000 a second.
        self.rate = rate if rate <= _HIGHEST_RATE else _USUAL_RATE
        self.ahead = max(1, min(_AHEAD, _AHEAD_BYTES // (3 * max(1, self._width(self._stream) * self._stream.height))))
        self.length = self._stream.frames or None

    def _pictures_of(self, container: "av.container.InputContainer", megapixels: float) -> "av.VideoStream":
        if container.format.name.endswith("_pipe") or container.format.name == "image2":
            raise FerError(f"{self._shown} is a picture, not a video. Use: fer predict {self._shown}")
        # A picture of the cover is a video stream of one frame.
        streams = [stream for stream in container.streams.video if "attached_pic" not in str(stream.disposition.name)]
        if not streams:
            kinds = ", ".join(sorted({stream.type for stream in container.streams}))
            raise FerError(f"{self._shown} contains no video{f', only {kinds}' if kinds else ''}.")
        stream = streams[0]
        width = self._width(stream)
        if width * stream.height > megapixels * 1e6:
            raise FerError(
                f"{self._shown} has frames of {width:,} x {stream.height:,} pixels; at most {megapixels:g} "
                "megapixels are read (--max-megapixels)."
            )
        stream.thread_type = "AUTO"
        return stream

    def decode(self, every: int) -> Generator[Frame, None, None]:
        """Decode every n-th frame, and close the file at the end."""
        number, last = -1, 0.0
        with self._container:
            for number, picture in enumerate(self._pictures()):
                stamp, base = picture.pts, picture.time_base
                seconds = last + 1 / self.rate if stamp is None or base is None else float(stamp * base)
                if number == 0:
                    self.start = seconds
                last = seconds
                if number % every == 0:
                    yield Frame(self.name, self._upright(picture), round(seconds - self.start, 6), number)
            if number < 0:
                return
            length, promised = last - self.start + 1 / self.rate, _promised(self._stream)
            if promised is not None and length < promised - _MISSING and not (self.problem or self.live):
                self._cut_short(f"{promised - length:.1f} of {promised:.1f} s are missing")

    def _pictures(self) -> Iterator["av.VideoFrame"]:
        import av

        packets = self._container.demux(self._stream)
        while not self._ended.is_set():
            try:
                packet = next(packets)
                if packet.is_corrupt:
                    self.broken += 1
                    continue
            except StopIteration:
                return
            except (av.FFmpegError, OSError) as error:
                self._cut_short(one_line(error))
                packet = None  # what the decoder still holds
            try:
                pictures = self._stream.codec_context.decode(packet)
            except (av.FFmpegError, OSError):
                self.broken += 1
                continue
            for picture in pictures:
                if picture.is_corrupt:
                    self.broken += 1
                else:
                    yield picture
            if packet is None:
                return

    @staticmethod
    def _width(stream: "av.VideoStream", width: int | None = None) -> int:
        """Of a frame, in square pixels."""
        return max(1, round((width or stream.width) * float(stream.sample_aspect_ratio or 1)))

    def _upright(self, picture: "av.VideoFrame") -> np.ndarray:
        wide = self._width(self._stream, picture.width)
        rgb = picture.to_ndarray(format="rgb24", width=wide, height=picture.height)
        turns = round(picture.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(rgb, turns)) if turns else rgb

    def _cut_short(self, reason: str) -> None:
        self.problem = f"{self._shown} ends early ({reason}). The frames before that were read."


class Camera(Source):
    """A camera, by its number.

    Raises:
        FerError: there is no such camera, or it is in use.
    """

    def __init__(self, number: int) -> None:
        import cv2

        super().__init__(str(number), live=True)
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        self._capture = cv2.VideoCapture(number)
        if not self._capture.isOpened():
            raise FerError(
                f"There is no camera {number}, or another program uses it. Connect it, or try another number."
            )
        self.rate = self._capture.get(cv2.CAP_PROP_FPS) or _USUAL_RATE

    def decode(self, every: int) -> Generator[Frame, None, None]:
        """Take every n-th frame, and release the camera at the end."""
        number, start = 0, time.monotonic()
        try:
            while not self._ended.is_set():
                good, picture = self._capture.read()
                if not good:
                    self.problem = f"Camera {self.name} sends no more pictures."
                    return
                if number % every == 0:
                    rgb = np.ascontiguousarray(picture[..., ::-1])
                    yield Frame(self.name, rgb, round(time.monotonic() - start, 6), number)
                number += 1
        finally:
            self._capture.release()


def _promised(stream: "av.VideoStream") -> float | None:
    """How long a file says that its pictures last, in seconds; None where it does not."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    parts = stream.metadata.get("DURATION", "").split(":")  # in Matroska files: 00:01:02.400000000
    try:
        hours, minutes, seconds = map(float, parts)
    except ValueError:
        return None
    return 3600 * hours + 60 * minutes + seconds
