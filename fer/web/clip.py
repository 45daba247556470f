"""Answers a short clip: an annotated copy, a line and a timeline for each person, and the table, as HTML."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from fer.errors import FerError
from fer.inference import report, video, video_answers, video_results
from fer.inference.frame import Frame
from fer.inference.predictor import Predictor
from fer.inference.track import follow
from fer.inference.video_report import Summary
from fer.web import markup, uploads
from fer.web.answers import SMOOTH, problem
from fer.web.choice import Choice
from fer.web.uploads import Sent

_RATE = 30  # frames a second that are looked at, about
_MOST_FRAMES = 2 * _RATE  # a second, whatever the clip says of itself
_NEWS = 0.5  # seconds between two lines about how far the work has come
_MOST_TIMELINES = 4
_at_a_time = threading.Semaphore(2)  # each takes all cores


def answer(sent: Sent, folder: Path, choice: Choice, names: Sequence[str], seconds: float) -> Iterator[str]:
    """Say how far the work has come, and at last the answer or why there is none.

    Args:
        sent: the clip.
        folder: for temporary files.
        choice: of models.
        names: of those that answer.
        seconds: from the start that are looked at; what comes later is left out.
    """
    name = uploads.name_of(sent, "The clip")
    try:
        with uploads.copied(sent, folder, name) as path:
            try:
                yield markup.lines([f"{name}: waiting to start."])
                with _at_a_time, TemporaryDirectory(dir=folder) as results:
                    yield from _answer(path, name, choice.predictor(names, threads=1), seconds, Path(results))
            except FerError as error:
                raise FerError(error.message.replace(str(path), name)) from error
    except Exception as error:
        yield problem(error)


def _answer(path: Path, name: str, predictor: Predictor, seconds: float, folder: Path) -> Iterator[str]:
    source = video.open_source(str(path), predictor.megapixels)
    every = max(1, round(source.rate / _RATE))
    tracker, summary = video_answers.tracker(source.rate / every), Summary()
    known = None if source.length is None else min(-(-source.length // every), round(seconds * source.rate / every))
    count, said, cut = 0, 0.0, False

    def early() -> Iterator[Frame]:
        nonlocal cut
        for number, frame in enumerate(frames):
            cut = (frame.time or 0.0) >= seconds or number >= _MOST_FRAMES * seconds
            if cut:
                return
            yield frame

    with closing(source.frames(every)) as frames, video_results.VideoResults(folder) as results:
        results.start(source, every)
        photos = video_answers.answered(early(), predictor, keep_frames=True)
        for count, (photo, faces) in enumerate(follow(photos, tracker, SMOOTH), 1):
            results.add(photo, faces)
            summary.add(photo, faces)
            photo.frame = None
            if time.monotonic() - said > _NEWS:
                said = time.monotonic()
                yield markup.lines([f"{name}: frame {count:,}{f' of {known:,}' if known else ''}"])
        if not count:
            raise FerError(source.problem or f"{name} has no frames that can be read.")
        results.commit()
    people = list(summary.finished(set()))
    counts = f"{summary.faces:,} faces in {count:,} frames, identities: {tracker.identities:,}"
    notes = [
        f"Only the first {seconds:g} seconds were processed." if cut else "",
        source.problem.replace(str(path), name),
        f"Frames skipped because they can't be decoded: {source.broken:,}." if source.broken else "",
    ]
    yield (
        markup.video((folder / video_results.COPY).read_bytes())
        + markup.lines([counts, *people, *notes])
        + "".join(_timelines(folder / video_results.TIMELINES))
        + markup.download("faces.csv", (folder / video_results.ROWS).read_text(encoding="utf-8"))
        + markup.lines(report.answered_by(predictor.networks))
    )


def _timelines(folder: Path) -> Iterator[str]:
    numbers = sorted(int(path.stem.rpartition("-")[2]) for path in folder.glob("identity-*.png"))
    for number in numbers[:_MOST_TIMELINES]:
        yield markup.timeline((folder / f"identity-{number}.png").read_bytes(), number)
