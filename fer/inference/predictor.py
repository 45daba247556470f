"""Pictures in, expressions out."""

import json
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from fer import inputs
from fer.data import images as pictures
from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.inference import registry, sources
from fer.inference.crop import Found, cut
from fer.inference.detect import Detector
from fer.inference.faces import WITHOUT_LANDMARKS, Face, Photo, Photos, quality
from fer.inference.frame import Frame, Problem
from fer.inference.network import Network
from fer.inference.text import one_line

_PHOTOS = 16  # photos that are collected at most before the models are called, so that answers come steadily
_FRAME_BYTES = 200_000_000  # of frames that are kept while their faces wait for the models

Pending = tuple[Photo, list[tuple[Found, np.ndarray]]]


class Predictor:
    """Finds the faces in pictures and says which expression each shows.

    Models are loaded here, the detector and the landmark network when they are first needed, each once. Safe for use
    by several threads. Use it in a `with` block, or call `close` to free its memory.

    Args:
        models: name of a model or path of an .onnx file, or several, whose answers are averaged. Without any, the
            default of the package.
        models_folder: where names are looked up instead of in the package, say `models/onnx`.
        tta: test-time augmentation: over how many views of each face to average.
        detect: False if every picture is a face already, framed like FER2013's.
        min_size: smaller faces, in pixels, are left out.
        batch_size: faces that are collected, from several pictures, before the models are called.
        megapixels: larger pictures are not read.
        threads: that a network's call may use; None leaves it to onnxruntime, which takes all cores.

    Raises:
        FerError: there is no such model, it can't be used, or a number is out of range.

    Example:
        >>> from fer import Predictor
        >>> photos = Predictor().predict(["party.jpg", "portrait.png"])
        >>> for face in photos[0].faces:
        ...     print(face.box, face.expression, face.scores["happy"], face.quality)
        >>> photos.as_frame().to_csv("faces.csv")
    """

    def __init__(
        self,
        models: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
        *,
        models_folder: str | Path | None = None,
        tta: int = 1,
        detect: bool = True,
        min_size: float = 24,
        batch_size: int = 64,
        megapixels: float = pictures.MAX_MEGAPIXELS,
        threads: int | None = None,
    ) -> None:
        if not (tta >= 1 and batch_size >= 1 and min_size >= 0 and megapixels > 0):
            raise FerError("tta and batch_size must be at least 1, min_size at least 0, megapixels above 0.")
        chosen = [models] if isinstance(models, str | os.PathLike) else models
        self.networks: list[Network] = registry.load(chosen, models_folder, threads)
        self.tta, self.detect, self.min_size = tta, detect, min_size
        self.batch_size, self.megapixels = batch_size, megapixels
        self._size = max(network.about.size for network in self.networks)
        self._threads = threads
        self._lock = threading.Lock()
        self._detector: Detector | None = None
        self._locators: dict[str, Any] = {}

    def __enter__(self) -> "Predictor":
        """Return the predictor itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Free the networks. Afterwards the predictor can't be used any more."""
        self.networks, self._detector = [], None
        self._locators.clear()

    def predict(self, images: Any, *, keep_frames: bool = False) -> Photos:
        """Find the faces of one or many pictures, and their expressions.

        Args:
            images: a path, an array (uint8 [H, W], or [H, W, 3] in RGB), a PIL image or a `Frame`; or several of
                these: a list, a set, a pandas Series, a generator.
            keep_frames: whether each photo keeps its picture as `photo.frame`.

        Returns:
            A `Photo` for each picture, in their order. One that can't be read has its `problem`, and no faces.
        """
        several = images if _is_several(images) else [images]
        return Photos(self.stream(sources.in_memory(several, self.megapixels), keep_frames=keep_frames))

    def predict_crops(self, crops: np.ndarray) -> np.ndarray:
        """Probabilities of faces that are cut already.

        Args:
            crops: grey, uint8 [n, h, w]; resized to the models' size.

        Returns:
            float32 [n, 7], in the order of `fer.emotions.EMOTIONS`.

        Raises:
            ValueError: they are no grey pictures.
        """
        self._check_open()
        if crops.ndim != 3 or crops.dtype != np.uint8 or not crops.size:
            raise ValueError(f"crops must be uint8 [n, h, w]: {crops.dtype} {list(crops.shape)}")
        return self._answer(_resized(crops, self._size))[0]

    def stream(self, frames: Iterable[Frame | Problem], *, keep_frames: bool = False) -> Iterator[Photo]:
        """As `predict`, photo by photo, in memory that does not grow with their number.

        Args:
            frames: the pictures, say those of `fer.inference.sources.read_all`; what could not be read is passed on.
            keep_frames: whether each photo keeps its picture as `photo.frame`, say to draw on it.
        """
        self._check_open()
        waiting: list[Pending] = []
        faces = kept = 0
        for frame in frames:
            waiting.append(self._find_faces(frame, keep_frames))
            faces += len(waiting[-1][1])
            kept += frame.rgb.nbytes if keep_frames and isinstance(frame, Frame) else 0
            del frame
            if faces >= self.batch_size or len(waiting) >= min(self.batch_size, _PHOTOS) or kept >= _FRAME_BYTES:
                yield from self._finish(waiting)
                faces = kept = 0
        yield from self._finish(waiting)

    def _check_open(self) -> None:
        if not self.networks:
            raise ValueError("This Predictor is closed.")

    def _find_faces(self, frame: Frame | Problem, keep_frame: bool) -> Pending:
        """A photo without answers yet, and its faces: where they are, and their crops uint8 [S, S]."""
        if isinstance(frame, Problem):
            return Photo(frame.name, problem=frame.reason, read=False), []
        detector = self._get_detector() if self.detect else None
        photo = Photo(frame.name, frame.width, frame.height, time=frame.time, frame=frame if keep_frame else None)
        try:
            grey = frame.grey()
            if detector is None:
                whole = Found((0.0, 0.0, float(frame.width), float(frame.height)), 1.0)
                return photo, [(whole, _resized(grey[None], self._size)[0])]
            found = detector.find(grey)
            large = [face for face in found if face.size >= self.min_size]
            photo.too_small = len(found) - len(large)
            if not large:
                size = f"; the largest has {found[0].size:.0f} pixels" if found else ""
                photo.problem = f"no face of {self.min_size:g} pixels or more was found{size}"
            return photo, [(face, cut(grey, face, self._size)) for face in large]
        except Exception as error:  # this picture's problem, not that of the others
            return _unusable(photo, error), []

    def _finish(self, waiting: list[Pending]) -> Iterator[Photo]:
        """Let the models answer for photos that wait, and yield these; empties the list."""
        pending, waiting[:] = deque(waiting), []
        crops = [crop for _, found in pending for _, crop in found]
        try:
            answers = deque(zip(*self._answer(np.stack(crops)), strict=True) if crops else ())
        except Exception as error:
            if len(pending) > 1:  # find out whose problem it is
                while pending:
                    yield from self._finish([pending.popleft()])
            else:
                yield _unusable(pending[0][0], error)
            return
        while pending:
            photo, found = pending.popleft()
            for face, _ in found:
                probabilities, answered = answers.popleft()
                value, reasons = quality(face) if self.detect else (1.0, ())
                if not answered:
                    value, reasons = value * WITHOUT_LANDMARKS, (*reasons, "no landmarks found")
                photo.faces.append(Face(face.box, face.score, probabilities, round(value, 2), reasons))
            yield photo

    def _answer(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities float32 [n, 7] of crops uint8 [n, S, S], averaged over the models that know a face's inputs.

        And whether there is such a model, bool [n]. Without one, the average is over all models' answers.
        """
        known = np.zeros((len(self.networks), len(crops)))
        answers = np.zeros((len(self.networks), len(crops), len(EMOTIONS)))
        shared: dict[str, inputs.Arrays] = {}  # models with the same inputs and settings share the work
        for number, network in enumerate(self.networks):
            about = network.about
            key = json.dumps([about.inputs, about.size, about.landmarks])
            if key not in shared:
                shared[key] = self._inputs(network, _resized(crops, about.size))
            answers[number] = network.probabilities(shared[key], self.tta)
            known[number] = inputs.known(shared[key])
        answered = np.asarray(known.any(axis=0))
        weights = np.where(answered, known, 1.0)
        mean = np.einsum("mn,mne->ne", weights / weights.sum(axis=0), answers)
        return mean.astype(np.float32), answered

    def _inputs(self, network: Network, crops: np.ndarray) -> inputs.Arrays:
        """What a model sees of crops uint8 [n, S, S]."""
        names, settings = network.about.inputs, network.about.landmarks
        if settings is None:
            return inputs.from_crops(names, crops)
        from fer.landmarks.extract import Locator
        from fer.landmarks.views import LandmarkSettings

        key = json.dumps(settings, sort_keys=True)
        with self._lock:
            if key not in self._locators:
                self._locators[key] = Locator(LandmarkSettings.from_dict(settings), self._threads)
            locator = self._locators[key]
        return inputs.from_crops(names, crops, locator)

    def _get_detector(self) -> Detector:
        with self._lock:
            if self._detector is None:
                self._detector = Detector(self._threads)
            return self._detector


def _unusable(photo: Photo, error: Exception) -> Photo:
    memory = isinstance(error, MemoryError)
    reason = "needs more memory than there is" if memory else f"can't be worked on ({one_line(error)})"
    return Photo(photo.name, problem=f"{photo.name} {reason}.", read=False, time=photo.time)


def _resized(crops: np.ndarray, size: int) -> np.ndarray:
    """Faces uint8 [n, h, w] as a model sees them: the central square of each, uint8 [n, size, size]."""
    from PIL import Image

    if crops.shape[1:] == (size, size):
        return crops
    return np.stack([pictures.face(Image.fromarray(crop), size) for crop in crops])


def _is_several(images: Any) -> bool:
    if isinstance(images, np.ndarray):
        return images.dtype == object or images.ndim == 4
    if isinstance(images, str | bytes | os.PathLike | Frame) or hasattr(images, "convert"):
        return False
    return isinstance(images, Iterable)
