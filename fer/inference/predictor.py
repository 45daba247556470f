"""The Python interface: from pictures to faces and their expressions."""

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from fer.data import images as pictures
from fer.errors import FerError
from fer.inference import registry, sources
from fer.inference.crop import Box, Detection, crop_face, crop_region
from fer.inference.detect import Detector
from fer.inference.explain import Explainer, Explanation, placed
from fer.inference.faces import Face, Photo, Photos
from fer.inference.frame import Frame, Problem
from fer.inference.model_average import ModelAverage, resized
from fer.inference.network import Network
from fer.inference.quality import head_pose, quality
from fer.inference.text import one_line
from fer.inputs.poses import POSES

_MAX_PENDING_PHOTOS = 16  # before the models are called, so that answers come steadily
_MAX_PENDING_BYTES = 200_000_000  # of frames that are kept until the models have answered

# A photo whose faces have no answers yet, and for each face its detection and its crop uint8 [S, S].
Pending = tuple[Photo, list[tuple[Detection, np.ndarray]]]


class Predictor:
    """Finds the faces in pictures and predicts their expressions.

    The models are loaded at once; the detector and the landmark network when they are first needed. Several threads
    may share one Predictor. Use it in a `with` block, or call `close` to free its memory.

    Args:
        models: name of a model or path of an .onnx file, or several, whose probabilities are averaged. Default: the
            default model of the package.
        models_folder: where to look up names instead of in the package, for example `models/onnx`.
        tta: test-time augmentation: the number of views of each face to average, up to 18.
        detect: False if every picture is a face crop, framed like FER2013's.
        min_size: faces whose box has a shorter side than this, in pixels, are ignored.
        batch_size: number of faces, from several pictures, per call of the models.
        megapixels: larger pictures are refused.
        threads: of each call of a network; None for onnxruntime's default, all cores.
        explain: a method of `fer.explain.METHODS`, by which each face gets its `explanations`; None for none.
            There must be one model only.

    Raises:
        FerError: there is no such model, it can't be used or explained so, or a number is out of range.

    Example:
        >>> from fer import Predictor
        >>> photos = Predictor().predict(["party.jpg", "portrait.png"])
        >>> for face in photos[0].faces:
        ...     print(face.box, face.expression, face.scores["happy"], face.quality)
        >>> photos.as_frame().to_csv("faces.csv")
    """

    def __init__(
        self,
        models: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
        *,
        models_folder: str | Path | None = None,
        tta: int = 1,
        detect: bool = True,
        min_size: float = 24,
        batch_size: int = 64,
        megapixels: float = pictures.MAX_MEGAPIXELS,
        threads: int | None = None,
        explain: str | None = None,
    ) -> None:
        whole = {"tta": tta, "batch_size": batch_size, "threads": 1 if threads is None else threads}
        for name, value in whole.items():
            if not isinstance(value, int | np.integer) or value < 1:
                raise FerError(f"{name} must be a whole number of at least 1: {value!r}.")
        if tta > len(POSES):
            raise FerError(f"tta must be at most {len(POSES)}: {tta}.")
        if not (min_size >= 0 and megapixels > 0):
            raise FerError("min_size must be at least 0, megapixels above 0.")
        chosen = [models] if isinstance(models, str | os.PathLike) else () if models is None else models
        self._models = ModelAverage(registry.load(chosen, models_folder, threads), tta, threads)
        self.detect, self.min_size = detect, min_size
        self.batch_size, self.megapixels = batch_size, megapixels
        self._threads = threads
        self._explainer = Explainer(self._models, explain) if explain is not None else None
        self._lock = threading.Lock()
        self._detector: Detector | None = None

    @property
    def networks(self) -> list[Network]:
        """The models; empty once the predictor is closed."""
        return self._models.networks

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
        self._models.close()
        self._detector = None

    def predict(self, images: Any, *, keep_frames: bool = False) -> Photos:
        """Find the faces of one or several pictures and predict their expressions.

        Args:
            images: a path, a file's content (bytes) or a binary file, an array (uint8 [H, W], or [H, W, 3] in RGB), a
                PIL image or a `Frame`; or an iterable of these.
            keep_frames: whether each photo keeps its picture as `photo.frame`.

        Returns:
            A `Photo` for each picture, in the same order. One that can't be read has no faces, and says why in
            `problem`.
        """
        several = images if _is_several(images) else [images]
        return Photos(self.stream(sources.in_memory(several, self.megapixels), keep_frames=keep_frames))

    def predict_crops(self, crops: np.ndarray) -> np.ndarray:
        """Predict the expressions of face crops.

        Args:
            crops: grey, uint8 [n, h, w]; resized to the models' input size.

        Returns:
            Probabilities, float32 [n, 7], in the order of `fer.emotions.EMOTIONS`.

        Raises:
            ValueError: the shape or the dtype is wrong.
        """
        self._check_open()
        if crops.ndim != 3 or crops.dtype != np.uint8 or not crops.size:
            raise ValueError(f"crops must be uint8 [n, h, w]: {crops.dtype} {list(crops.shape)}")
        return self._models.probabilities(resized(crops, self._models.size))[0]

    def stream(
        self, frames: Iterable[Frame | Problem], *, keep_frames: bool = False, near: Sequence[Box] = ()
    ) -> Iterator[Photo]:
        """Predict photo by photo, in memory that does not grow with their number.

        Args:
            frames: the pictures, for example from `fer.inference.sources.read_all`.
            keep_frames: whether each photo keeps its picture as `photo.frame`, for example to draw on it.
            near: boxes of faces in an earlier frame of the same video. Faces are then looked for only near these,
                which is faster, unless one of these has gone.
        """
        self._check_open()
        waiting: list[Pending] = []
        faces = kept = 0
        for frame in frames:
            waiting.append(self._find_faces(frame, keep_frames, near))
            faces += len(waiting[-1][1])
            kept += frame.rgb.nbytes if keep_frames and isinstance(frame, Frame) else 0
            del frame
            full = faces >= self.batch_size or len(waiting) >= min(self.batch_size, _MAX_PENDING_PHOTOS)
            if full or kept >= _MAX_PENDING_BYTES:
                yield from self._finish(waiting)
                faces = kept = 0
        yield from self._finish(waiting)

    def _check_open(self) -> None:
        if not self.networks:
            raise ValueError("This Predictor is closed.")

    def _find_faces(self, frame: Frame | Problem, keep_frame: bool, near: Sequence[Box]) -> Pending:
        """Detect and crop the faces of one picture."""
        if isinstance(frame, Problem):
            return Photo(frame.name, problem=frame.reason, read=False), []
        detector = self._get_detector() if self.detect else None
        photo = Photo(frame.name, frame.width, frame.height, time=frame.time, number=frame.number)
        photo.frame = frame if keep_frame else None
        try:
            grey = frame.grey()
            if detector is None:
                whole = Detection((0.0, 0.0, float(frame.width), float(frame.height)), 1.0)
                return photo, [(whole, resized(grey[None], self._models.size)[0])]
            found = detector.find_near(grey, near) if near else None
            if found is None:  # a video's own metadata turns it upright
                found = detector.find(grey, self.min_size, turned=frame.time is None)
            large = [face for face in found if face.size >= self.min_size]
            photo.too_small, photo.min_size = len(found) - len(large), self.min_size
            photo.smallest = found[-1].size if photo.too_small else 0.0
            if not large:
                size = f"; the largest has {found[0].size:.0f} pixels" if found else ""
                photo.problem = f"no face of {self.min_size:g} pixels or more was found{size}"
            return photo, [(face, crop_face(grey, face, self._models.size)) for face in large]
        except Exception as error:  # one picture must not stop the others
            return _unusable(photo, error), []

    def _finish(self, waiting: list[Pending]) -> Iterator[Photo]:
        """Predict the pending photos and yield them; empties the list."""
        pending, waiting[:] = deque(waiting), []
        crops = [crop for _, found in pending for _, crop in found]
        try:
            answers = deque(zip(*self._models.probabilities(np.stack(crops)), strict=True) if crops else ())
            explanations = deque(self._explain(face, crop) for _, found in pending for face, crop in found)
        except Exception as error:
            if len(pending) > 1:  # find out which picture is the cause
                while pending:
                    yield from self._finish([pending.popleft()])
            else:
                yield _unusable(pending[0][0], error)
            return
        while pending:
            photo, found = pending.popleft()
            for face, crop in found:
                probabilities, answered = answers.popleft()
                pose = head_pose(face)
                value, reasons = quality(face, pose, crop, answered)
                why = explanations.popleft()
                photo.faces.append(Face(face.box, face.score, probabilities, value, reasons, why, pose))
            yield photo

    def _explain(self, face: Detection, crop: np.ndarray) -> tuple[Explanation, ...]:
        if self._explainer is None:
            return ()
        square = crop_region(face) if self.detect else (face.centre, min(face.box[2:]), 0.0)
        return self._explainer.explain(crop, placed(*square))

    def _get_detector(self) -> Detector:
        with self._lock:
            if self._detector is None:
                self._detector = Detector(self._threads)
            return self._detector


def _unusable(photo: Photo, error: Exception) -> Photo:
    memory = isinstance(error, MemoryError)
    reason = "needs more memory than there is" if memory else f"can't be processed ({one_line(error)})"
    return Photo(photo.name, problem=f"{photo.name} {reason}.", read=False, time=photo.time, number=photo.number)


def _is_several(images: Any) -> bool:
    if isinstance(images, np.ndarray):
        return images.dtype == object or images.ndim == 4
    single = isinstance(images, str | bytes | bytearray | os.PathLike | Frame)
    if single or hasattr(images, "convert") or hasattr(images, "read"):  # a picture of PIL, a file
        return False
    return isinstance(images, Iterable)
