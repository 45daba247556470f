"""Landmarks: MediaPipe's own FaceLandmarker, one face at a time, beside `fer.landmarks.extract`."""

import os
from collections.abc import Callable, Iterator

import cv2
import numpy as np

from benchmarks import made
from benchmarks.measure import ALL_FACES, Bench, Figure, Row, compared, single
from fer.landmarks import extract
from fer.landmarks.views import LandmarkSettings

VARIABLE = "FER_FACE_LANDMARKER"
SIDE, BORDER = 192, 48  # MediaPipe's detector needs a face with surroundings


def rows(bench: Bench) -> Iterator[Row]:
    """The speed of both in all views, and the time that ours takes for FER2013."""
    settings = bench.params.landmarks
    chosen = LandmarkSettings.from_dict(settings.model_dump(exclude={"workers"}))
    few, many = (2, 2) if bench.quick else (10, 140)
    faces = made.pixels(many)
    ours = bench.speed(lambda: extract.extract(faces, chosen, settings.workers), many)
    views = len(settings.views)
    work, unit = f"landmarks, {views} views a face", "faces/s"
    try:
        plain = mediapipe([view.mirrored for view in settings.views])
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        found = bench.in_turns({"ours": ours}, share=0.5)
        yield single("landmarks.speed", work, unit, found["ours"], f"the baseline could not be measured: {error}")
    else:
        found = bench.in_turns({"plain": bench.speed(lambda: plain(faces[:few]), few), "ours": ours})
        note = "plain: one process of MediaPipe's FaceLandmarker, one face at a time"
        yield compared("landmarks.speed", work, unit, found["plain"], found["ours"], note)
    minutes = [ALL_FACES / speed / 60 for speed in found["ours"]]
    note = f"computed from the speed on {many} drawn faces"
    yield Row("landmarks.fer2013", f"landmarks of FER2013, {views} views a face", "min", Figure.of(minutes), note=note)


def mediapipe(mirrored: list[bool]) -> Callable[[np.ndarray], None]:
    """The baseline: a function of faces, uint8 [n, S, S].

    Args:
        mirrored: for each view whether it is the mirror image.

    Raises:
        ImportError: mediapipe is not installed.
        OSError: its file is not there.
        RuntimeError, ValueError: mediapipe refuses it.
    """
    task = os.environ.get(VARIABLE)
    if not task:
        raise OSError(f"{VARIABLE} names no face_landmarker.task")
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(BaseOptions(model_asset_path=task), min_face_detection_confidence=0.1)
    landmarker = vision.FaceLandmarker.create_from_options(options)

    def find(faces: np.ndarray) -> None:
        for face in faces:
            large = np.pad(cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), BORDER, mode="edge")
            for turned in mirrored:
                shown = np.ascontiguousarray(large[:, ::-1] if turned else large)
                picture = np.repeat(shown[..., None], 3, axis=-1)
                landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture))

    return find
