"""Writes a video: H.264 in an mp4 file, with the sound of another video."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer.errors import FerError
from fer.inference.container import open_container, require_pyav
from fer.inference.text import one_line

if TYPE_CHECKING:
    import av
    from PIL.Image import Image

_CLOCK = 90_000  # ticks a second: the frames of a video need not be equally far apart
# Codecs of sound that an mp4 file can hold. Those of the second group need the decoder's set-up (extradata), which
# transport streams, for one, lack. Other sound is encoded as AAC.
_COPIED, _COPIED_WITH_EXTRADATA = ("mp3", "ac3", "eac3"), ("aac", "opus", "alac")
_KEY_FRAME = 1  # seconds from key frame to key frame; what was written can be played up to the last of them


class VideoWriter:
    """Writes frames to a file that can be played at any time, even if it is never closed.

    Until it is closed, the file is written in fragments, which need no index at its end.

    Args:
        path: of the mp4 file.
        rate: frames a second, about: each frame has its own time.
        sound: the video file from which the sound is copied; None for none.
        start: the time stamp in that file at which the frames' time begins, in seconds.

    Raises:
        FerError: PyAV is not installed, or has no encoder for these pictures.
        OSError: the file can't be written, as in every method.
    """

    def __init__(self, path: Path, rate: float, sound: str | None = None, start: float = 0.0) -> None:
        require_pyav()
        import av

        self._rate = Fraction(min(max(rate, 1.0), 240.0)).limit_denominator(1001)
        # Without negative offsets the pictures would come two frames late, by which the encoder reorders them. A file
        # whose header is written at once can't say that the sound begins later than the pictures.
        options = {"movflags": "hybrid_fragmented+delay_moov+negative_cts_offsets"}
        self._output = av.open(str(path), "w", format="mp4", container_options=options)
        self._stream: av.VideoStream | None = None
        self._last = -1
        self._sound: _Sound | None = None
        self._sound_of = sound, start

    def add(self, image: "Image", time: float) -> None:
        """Append a frame.

        Args:
            image: RGB; the first one decides the size.
            time: since the first frame, in seconds; later than the frame before.
        """
        import av

        if self._stream is None:
            self._stream = self._start(image)
        frame = av.VideoFrame.from_image(image)
        frame = frame.reformat(self._stream.width, self._stream.height, "yuv420p")
        frame.time_base = Fraction(1, _CLOCK)
        frame.pts = self._last = max(self._last + 1, round(time * _CLOCK))
        with _explained():
            self._output.mux(self._stream.encode(frame))
            if self._sound is not None:
                self._sound.copy(time)

    def close(self) -> None:
        """Finish the file."""
        try:
            with _explained():
                if self._stream is not None:
                    self._output.mux(self._stream.encode(None))
                if self._sound is not None:
                    self._sound.finish(self._last / _CLOCK + 1 / float(self._rate))
        finally:
            if self._sound is not None:
                self._sound.close()
            self._output.close()

    def _start(self, image: "Image") -> "av.VideoStream":
        from av.codec.codec import UnknownCodecError

        try:
            stream = self._output.add_stream("libx264", rate=self._rate)
        except UnknownCodecError as error:
            raise FerError("PyAV was built without H.264 (libx264): pip install --force-reinstall av") from error
        stream.width, stream.height = (max(2, side - side % 2) for side in image.size)  # 4:2:0 halves the colours
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, _CLOCK)
        stream.codec_context.gop_size = max(1, round(_KEY_FRAME * self._rate))
        stream.options = {"preset": "veryfast", "crf": "21"}
        name, start = self._sound_of
        if name is not None:
            self._sound = _Sound(name, start, self._output)
        return stream


class _Sound:
    """The sound of a video, copied packet by packet, as far as the frames have come."""

    def __init__(self, name: str, start: float, output: Any) -> None:
        self._input = open_container(name)
        self._output, self._start = output, start
        self._packets: Iterator[Any] = iter(())
        self._next: Any = None
        self._last: int | None = None
        self._stream: Any = None
        self._copied = False
        if not self._input.streams.audio:
            return
        source = self._input.streams.audio[0]
        self._packets = self._input.demux(source)
        self._advance()
        if self._next is None:  # a stream without packets, for which the file's header would wait
            return
        codec, extradata = source.codec_context.codec.canonical_name, source.codec_context.extradata
        self._copied = codec in _COPIED or (codec in _COPIED_WITH_EXTRADATA and bool(extradata))
        if self._copied:
            self._stream = output.add_stream_from_template(source)
        else:
            self._stream = output.add_stream("aac", rate=48_000)
            self._stream.layout = "mono" if source.codec_context.channels == 1 else "stereo"

    def copy(self, until: float) -> None:
        """Copy what is heard before a time, in seconds since the first frame."""
        while self._next is not None and self._time(self._next) < until:
            packet = self._next
            if self._copied:
                shift = round(self._start / packet.time_base)
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                if self._is_later(packet.dts):
                    packet.stream = self._stream
                    self._output.mux(packet)
            else:
                for sound in _decoded(packet):
                    if sound.pts is None:
                        continue
                    sound.pts -= round(self._start / sound.time_base)
                    if self._is_later(sound.pts):
                        self._output.mux(self._stream.encode(sound))
            self._advance()

    def _is_later(self, time: int) -> bool:
        """Note a time, and say whether all before it are earlier: in recordings that were joined, time goes back."""
        later = self._last is None or time > self._last
        if later:
            self._last = time
        return later

    def finish(self, until: float) -> None:
        """Copy what is heard before a time, and what the encoder still holds."""
        self.copy(until)
        if self._stream is not None and not self._copied:
            self._output.mux(self._stream.encode(None))

    def close(self) -> None:
        """Close the file that the sound comes from."""
        self._input.close()

    def _advance(self) -> None:
        """Look at the next packet; those before the first frame, and those that are damaged, are left out."""
        import av

        self._next = None
        with suppress(StopIteration, av.FFmpegError):
            packet = next(self._packets)
            while packet.pts is None or packet.dts is None or self._time(packet) < 0:
                packet = next(self._packets)
            self._next = packet

    def _time(self, packet: Any) -> float:
        return float(packet.pts * packet.time_base) - self._start


@contextmanager
def _explained() -> Iterator[None]:
    """Turn an error of PyAV that is none of the operating system's into one line."""
    import av

    try:
        yield
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise FerError(f"The annotated copy can't be written ({one_line(error)}).") from error


def _decoded(packet: Any) -> list[Any]:
    import av

    try:
        return list(packet.decode())
    except av.FFmpegError:
        return []
