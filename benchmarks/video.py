"""Video: a frame after the other by OpenCV beside `fer video`, with and without the annotated copy, and the memory."""

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from benchmarks.measure import Bench, Row, compared, single
from benchmarks.prediction import photo
from fer.inference import video, video_answers
from fer.inference.frame import Frame
from fer.inference.predictor import Predictor
from fer.inference.track import follow
from fer.inference.video_results import VideoResults
from fer.inference.video_writer import VideoWriter

SIZE, RATE, STEP = (1280, 720), 25, 2  # STEP: pixels by which the face moves from frame to frame
SMOOTH = 0.4
WORK = f"video of {SIZE[0]} x {SIZE[1]} with one face"


def rows(bench: Bench) -> Iterator[Row]:
    """All of it, on the processor: prediction uses no GPU."""
    clip, count = Path("clip.mp4"), 4 if bench.quick else 60
    write(clip, SIZE, count)
    predictor, usual = Predictor(threads=1), Predictor()
    found = bench.in_turns(
        {
            "plain": bench.speed(lambda: one_after_the_other(clip, usual), count),
            "ours": bench.speed(lambda: answer(clip, predictor), count),
            "whole": bench.speed(lambda: answer(clip, predictor, detect_every=1), count),
            "copy": bench.speed(lambda: answer(clip, predictor, Path("results")), count),
        }
    )
    note = "plain: each frame read by OpenCV and answered as a photo, all cores on one frame"
    yield compared("video.rows", WORK, "frames/s", found["plain"], found["ours"], note)
    yield compared(
        "video.detection",
        f"{WORK}, most frames searched only near known faces",
        "frames/s",
        found["whole"],
        found["ours"],
        "plain: --detect-every 1",
    )
    yield single("video.copy", f"{WORK}, the annotated copy included", "frames/s", found["copy"])
    yield memory(predictor, *((4, 8) if bench.quick else (200, 1000)))


def write(path: Path, size: tuple[int, int], count: int) -> None:
    """A clip of the photo that comes with the project, moving to the right."""
    still = Image.open(photo(Path(), *size))
    writer = VideoWriter(path, RATE)
    for number in range(count):
        writer.add(Image.fromarray(np.roll(np.asarray(still), STEP * number % size[0], axis=1)), number / RATE)
    writer.close()


def one_after_the_other(clip: Path, predictor: Predictor) -> None:
    """The baseline."""
    import cv2

    capture = cv2.VideoCapture(str(clip))
    while True:
        read, picture = capture.read()
        if not read:
            break
        predictor.predict(np.ascontiguousarray(picture[..., ::-1]))
    capture.release()


def answer(clip: Path, predictor: Predictor, folder: Path | None = None, **options: int) -> None:
    """What `fer video` does, once its models are loaded."""
    source = video.open_source(str(clip))
    with closing(source.frames()) as frames:
        photos = video_answers.answered(frames, predictor, folder is not None, **options)
        followed = follow(photos, video_answers.tracker(source.rate), SMOOTH)
        if folder is None:
            for _ in followed:
                pass
            return
        with VideoResults(folder, overwrite=True) as results:
            results.start(source, 1)
            for found, faces in followed:
                results.add(found, faces)
            results.commit()


def memory(predictor: Predictor, first: int, last: int) -> Row:
    """Whether a long video takes more memory than a short one."""
    still = np.asarray(Image.open(photo(Path(), 320, 240)))
    frames = (Frame("long", still, number / RATE, number) for number in itertools.count())
    photos = video_answers.answered(itertools.islice(frames, last), predictor, keep_frames=False)
    process, held = psutil.Process(), {}
    for number, _ in enumerate(follow(photos, video_answers.tracker(RATE), SMOOTH), start=1):
        if number in (first, last):
            held[number] = process.memory_info().rss / 1e9
    note = f"after {first:,}: {held[first]:.3f} GB"
    return single("video.memory", f"memory after {last:,} small frames of a video", "GB", [held[last]], note)
