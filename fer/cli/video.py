"""`fer video`."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fer.cli.options import (
    ALL_READ,
    SOME_UNREAD,
    Finite,
    Whole,
    can_open_windows,
    format_option,
    open_predictor,
    output_options,
    predictor_options,
    say_what_is_left,
    say_who_answered,
)
from fer.cli.terminal import is_terminal, require_stdout, say, write
from fer.errors import install
from fer.stopping import Stopped, acknowledge

if TYPE_CHECKING:
    from fer.inference.faces import Photo
    from fer.inference.track import Followed, Tracker
    from fer.inference.video import Source
    from fer.inference.window import Player

    Answer = tuple[Photo, list[Followed]]

FORMATS = ("summary", "jsonl", "csv")


class Smooth(Finite):
    """A time in seconds, or `off`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse a time; `off` is 0."""
        return 0.0 if value == "off" else super().convert(value, param, ctx)


@click.command()
@click.argument("name", metavar="SOURCE")
@click.option("--every", default=1, show_default=True, type=Whole(1), help="Process only every Nth frame.")
@click.option(
    "--detect-every",
    default=3,
    show_default=True,
    type=Whole(1),
    help="Search the whole of every Nth frame for faces, and the others near the faces found in it.",
)
@click.option(
    "--smooth",
    default=0.4,
    show_default=True,
    type=Smooth(0),
    metavar="SECONDS",
    help="Time over which each face's probabilities are averaged; 'off' for no smoothing.",
)
@format_option(FORMATS)
@output_options("faces.csv, frames.jsonl, annotated.mp4 and timelines")
@click.option("--show", is_flag=True, help="Show the annotated video in a window.")
@predictor_options
@click.pass_context
def video(
    context: click.Context,
    name: str,
    every: int,
    detect_every: int,
    smooth: float,
    form: str,
    output: Path | None,
    overwrite: bool,
    show: bool,
    **options: Any,
) -> None:
    """Track the faces in a video and show their expressions over time.

    SOURCE is a video file, the number of a camera (0 is the first), or the address of a stream (rtsp://...).
    Each face keeps its number from frame to frame. Press Ctrl-C to stop a camera or a stream.

    \b
    fer video clip.mp4                          one line per tracked face
    fer video clip.mp4 --output results/        tables, timelines, annotated video
    fer video clip.mp4 --format csv > rows.csv  one row per face and frame
    fer video 0 --show                          the first camera, in a window

    Exit status: 0 if the whole video was read, 1 if not, 2 for a usage error.
    """  # noqa: D301  click needs the backspace itself
    from fer.inference import timeline, video as sources, video_answers, video_results, window
    from fer.inference.track import follow

    if output is None:
        require_stdout()
    with ExitStack() as stack:
        source = sources.open_source(name, options["megapixels"])
        frames = stack.enter_context(closing(source.frames(every)))
        player = stack.enter_context(window.Player(name)) if show and can_open_windows() else None
        predictor = stack.enter_context(open_predictor(options | {"threads": 1}))
        results = None
        if output is not None:
            stack.push(lambda *error: say_what_is_left(output, error[0] is not None))
            results = stack.enter_context(video_results.VideoResults(output, overwrite))
            results.start(source, every)
        keep_frames = results is not None or player is not None
        photos = video_answers.answered(frames, predictor, keep_frames, detect_every)
        tracker = video_answers.tracker(source.rate / every)
        run = _Run(source, tracker, form, bar=output is not None or not is_terminal(sys.stdout))
        try:
            for photo, faces in run.shown(follow(photos, tracker, smooth), every):
                if results is not None:
                    results.add(photo, faces)
                if player is not None and not _show(player, photo, faces):
                    break
                photo.frame = None
        except (Stopped, KeyboardInterrupt):
            if not source.live:
                raise
            acknowledge()
        status = run.finish()
        if results is not None and run.frames:
            results.commit()
            say(f"Saved in {output}: {results.contents}")
            if not timeline.can_draw():
                say(f"Timelines need matplotlib, which is not installed: {install('evaluate')}.")
        if run.summary.faces:
            say_who_answered(predictor)
    context.exit(status)


class _Run:
    """The frames of a video on their way: what is printed of them, and how many there were."""

    def __init__(self, source: "Source", tracker: "Tracker", form: str, bar: bool) -> None:
        from fer.inference.video_report import Summary

        self._source, self._tracker, self._form, self._bar = source, tracker, form, bar
        self.summary, self.frames, self._unread = Summary(), 0, 0
        self._start = time.monotonic()

    def shown(self, followed: Iterator["Answer"], every: int) -> Iterator["Answer"]:
        """Print the frames after they were taken care of."""
        from fer.inference.report import csv_line
        from fer.inference.video_report import COLUMNS, csv_lines, json_line

        if self._form == "csv":
            write(csv_line(COLUMNS))
        length = None if self._source.length is None else -(-self._source.length // every)
        hidden = not self._bar or length is None or not is_terminal(sys.stderr)
        with click.progressbar(followed, length=length, label="Frames", file=sys.stderr, hidden=hidden) as progress:
            for photo, faces in progress:
                self.frames += 1
                self._unread += not photo.read
                self.summary.add(photo, faces)
                yield photo, faces
                if self._form == "csv":
                    write(csv_lines(photo, faces))
                elif self._form == "jsonl":
                    write(json_line(photo, faces))
                else:
                    self._print(self._tracker.known, "" if hidden or not is_terminal(sys.stdout) else "\r\x1b[K")

    def _print(self, known: set[int], before: str = "") -> None:
        for line in self.summary.finished(known):
            write(before + line)

    def finish(self) -> int:
        """Print what is left and the sums, say what could not be read, and return the exit status."""
        if self._form == "summary":
            self._print(set())
        source = self._source
        if not self.frames:
            say(source.problem or f"{source.name} has no frames that can be read.")
            return SOME_UNREAD
        problems = [source.problem] if source.problem else []
        if broken := source.broken + self._unread:
            problems.append(f"{source.name}: frames skipped because they can't be decoded: {broken:,}.")
        for problem in problems:
            say(problem)
        speed = self.frames / max(1e-3, time.monotonic() - self._start)
        counts = f"{self.summary.faces:,} faces in {self.frames:,} frames, identities: {self._tracker.identities:,}"
        say(f"{source.name}: {counts} ({speed:.1f} frames/s)")
        return SOME_UNREAD if problems else ALL_READ


def _show(player: "Player", photo: "Photo", faces: Sequence["Followed"]) -> bool:
    """Show an annotated frame; return whether the window is still open."""
    from fer.inference import draw

    if photo.frame is None:
        return True
    shown, numbers = [followed.shown for followed in faces], [followed.identity for followed in faces]
    return player.show(draw.annotated(photo.frame.image(), shown, numbers))
