"""Answers photos and the frames of a camera, as HTML."""

import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import ParamSpec

from fer.data import images
from fer.errors import FerError
from fer.inference import draw, report, sources
from fer.inference.explain import NotExplainable
from fer.inference.faces import COLUMNS
from fer.inference.frame import Frame, attempt, from_image
from fer.inference.predictor import Predictor
from fer.inference.text import one_line
from fer.inference.track import Follower, Tracker
from fer.web import markup, uploads
from fer.web.choice import Choice
from fer.web.uploads import Sent, Upload

SMOOTH = 0.4  # seconds over which a face's probabilities are averaged, as by `fer video`
_LIVE_QUALITY = 80  # of the JPEG files of a camera's frames, of which there are many

P = ParamSpec("P")


class Camera:
    """The faces of one visitor's camera, followed from frame to frame."""

    def __init__(self) -> None:
        self._follower = Follower(Tracker(), SMOOTH)
        self._start = time.monotonic()

    def answer(self, frame: Frame, predictor: Predictor) -> str:
        """The annotated frame and its faces."""
        seconds = time.monotonic() - self._start
        photo = next(predictor.stream([Frame(frame.name, frame.rgb, seconds)]))
        followed = self._follower.update(photo)
        faces, numbers = [one.shown for one in followed], [one.identity for one in followed]
        image = draw.annotated(frame.image(), faces, numbers)
        return markup.picture(image, faces, _LIVE_QUALITY) + markup.cards(faces, numbers)


def _told(answer: Callable[P, str]) -> Callable[P, str]:
    """Let a function return what a visitor can put right as one line instead of raising it."""

    @wraps(answer)
    def wrapped(*arguments: P.args, **named: P.kwargs) -> str:
        try:
            return answer(*arguments, **named)
        except Exception as error:
            return problem(error)

    return wrapped


def problem(error: Exception) -> str:
    """One line about an error; of decoders and of full disks there are errors of any kind."""
    if isinstance(error, FerError):
        return markup.problem(error.message)
    if isinstance(error, MemoryError):
        return markup.problem("Out of memory. Send a smaller file.")
    return markup.problem(f"This can't be processed ({one_line(error)}).")


@_told
def photo(upload: Upload, choice: Choice, names: Sequence[str], heat: bool) -> str:
    """The annotated photo, its faces, and the table.

    Args:
        upload: the file.
        choice: of models.
        names: of those that answer.
        heat: whether to lay a heat map over each face.
    """
    notes = []
    try:
        predictor = choice.predictor(names, explain=heat)
    except NotExplainable:
        predictor = choice.predictor(names)
        notes.append("A heat map explains one model at a time: choose a single model to see it.")
    answer = next(predictor.stream([_frame(upload, predictor.megapixels)], keep_frames=True))
    if answer.frame is None or not answer.faces:
        return markup.problem(f"{upload.name}: {answer.problem}" if answer.read else answer.problem)
    notes.append(report.passed_over(answer.too_small, answer.smallest, answer.min_size))
    image = draw.annotated(answer.frame.image(), answer.faces, legend=True)
    table = report.csv_line(COLUMNS) + "".join(report.csv_lines(answer))
    shown = markup.picture(image, answer.faces) + markup.cards(answer.faces)
    about = markup.lines([*notes, *report.answered_by(predictor.networks)])
    return shown + markup.download("faces.csv", table) + about


@_told
def live(sent: Sent, folder: Path, choice: Choice, names: Sequence[str], camera: Camera) -> str:
    """The annotated frame of a camera, and its faces.

    Args:
        sent: the frame.
        folder: for temporary files.
        choice: of models.
        names: of those that answer.
        camera: the visitor's.
    """
    predictor = choice.predictor(names)
    frame = _frame(uploads.read(sent, folder, "The camera's picture"), predictor.megapixels)
    return camera.answer(frame, predictor)


def _frame(upload: Upload, megapixels: float) -> Frame:
    """The picture of a file.

    Raises:
        FerError: it can't be read.
    """

    def load() -> Frame:
        if sources.is_video(upload.content[:12]):
            raise FerError(f"{upload.name} is a video, not a photo. Drop it in the Clip tab.")
        return from_image(upload.name, images.decode(upload.content, upload.name, megapixels), megapixels)

    frame = attempt(upload.name, load)
    if isinstance(frame, Frame):
        return frame
    raise FerError(frame.reason)
