"""Photos in, expressions out."""

import json
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.inference import registry, sources
from fer.inference.crop import Found, cut
from fer.inference.detect import Detector
from fer.inference.faces import UNSEEN, Face, Photo, Photos, quality
from fer.inference.quiet import quiet
from fer.inference.sources import Picture, Problem

_TOGETHER = 16  # photos that wait for each other at most, so that answers and progress come steadily
_AHEAD = 8  # pictures that are decoded while the models work


class Predictor:
    """Finds the faces in photos and says which expression each shows.

    Models are loaded here, what finds faces and landmarks at its first use, each once. Safe for use by several threads.

    Args:
        models: name of a model (or path of an .onnx file), or several, whose answers are averaged; without any, the one
            that is best on val.
        tta: test-time augmentation: over how many views of each face to average.
        detect: False if every picture is a face already, cut as the data set's faces are.
        min_size: smaller faces, in pixels, are passed over.
        batch_size: faces that are collected, from several photos, before the models are called.
        megapixels: larger photos are not read.
        threads: that a network's call may use; None leaves it to onnxruntime, which takes all cores.

    Raises:
        FerError: there is no such model.

    Example:
        >>> from fer import Predictor
        >>> photos = Predictor().predict(["party.jpg", "portrait.png"])
        >>> for face in photos[0].faces:
        ...     print(face.box, face.expression, face.quality)
        >>> photos.as_frame().to_csv("faces.csv")
    """

    def __init__(
        self,
        models: str | Sequence[str] = (),
        *,
        tta: int = 1,
        detect: bool = True,
        min_size: float = 24,
        batch_size: int = 64,
        megapixels: float = 100,
        threads: int | None = None,
    ) -> None:
        if tta < 1 or batch_size < 1:
            raise FerError("tta and batch_size must be at least 1.")
        self.networks = registry.load([models] if isinstance(models, str) else models, threads)
        self.tta, self.detects, self.min_size = tta, detect, min_size
        self.batch_size, self.megapixels = batch_size, megapixels
        self._size = max(network.about.size for network in self.networks)
        self._threads = threads
        self._lock = threading.Lock()
        self._detector: Detector | None = None
        self._locators: dict[str, Any] = {}

    def predict(self, images: Any) -> Photos:
        """Find and read the faces of one or many pictures.

        Args:
            images: a path, an array (uint8 [H, W] or [H, W, 3], RGB) or a PIL image; or a sequence of these.

        Returns:
            A `Photo` for each picture, in their order. A file that can't be read has its `problem`, and no faces.
        """
        several = images if _is_sequence(images) else [images]
        return Photos(self.stream(_loaders(several, self.megapixels)))

    def predict_crops(self, crops: np.ndarray) -> np.ndarray:
        """Probabilities of faces that are cut already.

        Args:
            crops: grey, uint8 [n, h, w]; brought to the models' size by area.

        Returns:
            float32 [n, 7], in the order of `fer.emotions.EMOTIONS`.

        Raises:
            ValueError: they are no grey pictures.
        """
        if crops.ndim != 3 or crops.dtype != np.uint8 or not crops.size:
            raise ValueError(f"crops must be uint8 [n, h, w]: {crops.dtype} {list(crops.shape)}")
        return self._answer(np.stack([_whole(crop, self._size) for crop in crops]))[0]

    def stream(self, pictures: Iterable[Any]) -> Iterator[Photo]:
        """As `predict`, photo by photo, with as little memory for ten thousand as for ten.

        Args:
            pictures: functions that load a picture; several are called ahead, in other threads.
        """
        waiting: list[tuple[Photo, list[tuple[Found, np.ndarray]]]] = []
        count = 0
        for picture in _ahead(pictures):
            photo, found = self._look(picture)
            waiting.append((photo, found))
            count += len(found)
            if count >= self.batch_size or len(waiting) >= min(self.batch_size, _TOGETHER):
                yield from self._flush(waiting)
                waiting, count = [], 0
        yield from self._flush(waiting)

    def _look(self, picture: Picture | Problem) -> tuple[Photo, list[tuple[Found, np.ndarray]]]:
        if isinstance(picture, Problem):
            return Photo(picture.name, problem=picture.reason, read=False), []
        height, width = picture.grey.shape
        photo = Photo(picture.name, width, height)
        if not self.detects:
            return photo, [(Found((0, 0, width, height), 1.0), _whole(picture.grey, self._size))]
        faces = self._get_detector().find(picture.grey)
        large = [face for face in faces if face.size >= self.min_size]
        photo.overlooked = len(faces) - len(large)
        if not large:
            size = f"; the largest has {faces[0].size:.0f} pixels" if faces else ""
            photo.problem = f"no face of {self.min_size:g} pixels or more was found{size}"
        return photo, [(face, cut(picture.grey, face, self._size)) for face in large]

    def _flush(self, waiting: Sequence[tuple[Photo, list[tuple[Found, np.ndarray]]]]) -> Iterator[Photo]:
        crops = [crop for _, found in waiting for _, crop in found]
        answers = deque(zip(*self._answer(np.stack(crops)), strict=True) if crops else ())
        for photo, found in waiting:
            for face, _ in found:
                probabilities, landmarks = answers.popleft()
                value, reasons = quality(face) if self.detects else (1.0, ())
                if not landmarks:
                    value, reasons = value * UNSEEN, (*reasons, "no landmarks found")
                photo.faces.append(Face(face.box, face.score, probabilities, round(value, 2), reasons))
            yield photo

    def _answer(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities float32 [n, 7] of crops uint8 [n, S, S], averaged over the models.

        And whether the landmarks that a model asks for were found, bool [n].
        """
        total = np.zeros((len(crops), len(EMOTIONS)), np.float64)
        located = np.ones(len(crops), bool)
        for network in self.networks:
            faces = _reduced(crops, network.about.size)
            if network.about.sees == "landmarks":
                faces = self._landmarks(faces, network.about.landmarks or {})
                located &= ~np.isnan(faces[:, 0, 0])
            total += network.probabilities(faces, self.tta)
        return (total / len(self.networks)).astype(np.float32), located

    def _landmarks(self, crops: np.ndarray, settings: dict[str, Any]) -> np.ndarray:
        """Landmarks float32 [n, 478, 3] as a model's training saw them."""
        from fer import config
        from fer.landmarks.extract import Locator

        key = json.dumps(settings, sort_keys=True)
        with self._lock, quiet():
            if key not in self._locators:
                self._locators[key] = Locator(config.Landmarks.model_validate({"workers": 1} | settings))
            points: np.ndarray = self._locators[key].average(crops)[0]
            return points

    def _get_detector(self) -> Detector:
        with self._lock:
            if self._detector is None:
                self._detector = Detector(self._threads)
        return self._detector


def _whole(grey: np.ndarray, size: int) -> np.ndarray:
    """A picture that is a face, as the models see it: its central square, uint8 [size, size]."""
    from PIL import Image

    from fer.data import images

    if grey.shape == (size, size):
        return grey
    return images.face(Image.fromarray(grey), size)


def _reduced(crops: np.ndarray, size: int) -> np.ndarray:
    """Crops uint8 [n, S, S] for a model that has learned from smaller ones."""
    if crops.shape[1] == size:
        return crops
    return np.stack([_whole(crop, size) for crop in crops])


def _is_sequence(images: Any) -> bool:
    return not isinstance(images, str | bytes | np.ndarray) and isinstance(images, Sequence | Iterator)


def _loaders(several: Iterable[Any], megapixels: float) -> Iterator[Any]:
    for number, image in enumerate(several):
        yield lambda image=image, number=number: _load(image, f"image {number}", megapixels)


def _load(image: Any, name: str, megapixels: float) -> Picture | Problem:
    """A picture from whatever a caller of `predict` hands over."""
    from PIL import Image, ImageOps

    from fer.data import images

    if isinstance(image, str) or hasattr(image, "__fspath__"):
        return sources.read(str(image), megapixels)
    try:
        if isinstance(image, np.ndarray):
            image = Image.fromarray(image)
        return Picture(name, images.grey(ImageOps.exif_transpose(image)))
    except (TypeError, ValueError, AttributeError) as error:
        return Problem(name, f"{name} is no picture: {error}.")


def _ahead(loaders: Iterable[Any]) -> Iterator[Picture | Problem]:
    """Call some loaders ahead in other threads, and yield what they load in their order."""
    with ThreadPoolExecutor(2, "fer-read") as pool:
        waiting: deque[Any] = deque()
        for loader in loaders:
            waiting.append(pool.submit(loader))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
