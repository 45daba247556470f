"""What `fer video --output` saves: rows, an annotated copy, and a timeline of each identity."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from fer.errors import FerError
from fer.inference import draw, timeline
from fer.inference.container import require_pyav
from fer.inference.faces import Photo
from fer.inference.frame import Frame
from fer.inference.report import csv_line
from fer.inference.results import Results, explained_as_unwritable
from fer.inference.track import Followed
from fer.inference.video import Source
from fer.inference.video_report import COLUMNS, csv_lines, json_line
from fer.inference.video_writer import VideoWriter

ROWS, FRAMES, COPY, TIMELINES = "faces.csv", "frames.jsonl", "annotated.mp4", "timelines"
_PENDING = 4  # frames that wait to be drawn and encoded


class _Lines:
    """A text file that holds whole lines only, whatever stops the writing."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)

    def add(self, text: str) -> None:
        """Append lines."""
        end, rest = self._file.tell(), memoryview(text.encode(errors="backslashreplace"))
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except BaseException:  # a full disk, Ctrl-C
            self._file.truncate(end)
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class VideoResults(Results):
    """The results of `fer video`: `faces.csv`, `frames.jsonl`, `annotated.mp4` and `timelines/`.

    Rows are written at once; frames are drawn and encoded in a thread, which a signal does not interrupt.

    Args:
        folder: made if it is missing.
        overwrite: whether files that fer did not make may be replaced.

    Attributes:
        timelines: how many were drawn, after `commit`.

    Raises:
        FerError: as `Results`.
    """

    def __init__(self, folder: Path, overwrite: bool = False) -> None:
        self.timelines = 0
        super().__init__(folder, (ROWS, FRAMES, COPY, TIMELINES), overwrite)
        self._tables: list[_Lines] = []
        self._pool: ThreadPoolExecutor | None = None
        self._pending: deque[Future[None]] = deque()
        self._writer: VideoWriter | None = None

    def start(self, source: Source, every: int) -> None:
        """Open the files.

        Args:
            source: of the frames; the sound of a file is copied.
            every: which of its frames are looked at.

        Raises:
            FerError: PyAV is not installed, or a file can't be written.
        """
        require_pyav()
        self._source, self._rate = source, source.rate / every
        with explained_as_unwritable(self.folder):
            self._tables = [_Lines(self.path(name)) for name in (ROWS, FRAMES)]
            self._tables[0].add(csv_line(COLUMNS))
        self._pool = ThreadPoolExecutor(1, "fer-encode")

    def add(self, photo: Photo, faces: Sequence[Followed]) -> None:
        """Write a frame's rows, and append it to the annotated copy; the photo has its frame.

        Raises:
            FerError: a file can't be written.
        """
        assert self._pool is not None
        assert photo.frame is not None
        with explained_as_unwritable(self.folder):
            for table, text in zip(self._tables, (csv_lines(photo, faces), json_line(photo, faces)), strict=True):
                table.add(text)
            self._pending.append(self._pool.submit(self._draw, photo.frame, photo.time or 0.0, faces))
            while len(self._pending) > _PENDING:
                self._pending.popleft().result()

    def _draw(self, frame: Frame, time: float, faces: Sequence[Followed]) -> None:
        if self._writer is None:
            source = self._source
            sound = None if source.live else source.name
            self._writer = VideoWriter(self.path(COPY), self._rate, sound, source.start)
        shown, numbers = [followed.shown for followed in faces], [followed.identity for followed in faces]
        self._writer.add(draw.annotated(frame.image(), shown, numbers), time)

    @property
    def contents(self) -> str:
        """What was saved, as a list, after `commit`."""
        return f"{ROWS}, {FRAMES}, {COPY}" + (f" and {TIMELINES}/" if self.timelines else "")

    def commit(self) -> None:
        """Finish the files, draw the timelines, and replace the earlier results.

        Raises:
            FerError: a file can't be written.
        """
        with explained_as_unwritable(self.folder):
            self._finish()
            self.timelines = timeline.draw_all(self.path(ROWS), self.path(TIMELINES))
        super().commit()

    def _finish(self) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            while self._pending:
                self._pending.popleft().result()
        finally:
            pool.shutdown()
            for table in self._tables:
                table.close()
            if self._writer is not None:
                self._writer.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the files, so that what an interrupted run has written can be played, and release the folder."""
        with suppress(OSError, FerError):  # of a run that has failed, and has said why
            self._finish()
        super().__exit__(kind, error, trace)
