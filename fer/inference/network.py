"""An exported model: probabilities of faces by onnxruntime."""

import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.landmarks.symmetry import FLIP
from fer.models.poses import POSES
from fer.sizes import FACE, POINTS

_BATCH = 64


@dataclass(frozen=True)
class About:
    """What an exported file says of itself.

    Attributes:
        name: of the model.
        sees: `pixels` or `landmarks`.
        weights: SHA-256 of the trained weights.
        precision: float32 or int8.
        val, test: accuracies of the trained network on its data set, in one view.
        dataset: what it was trained on.
        version: of the project that exported it.
        licence: of the weights.
        size: side in pixels of the faces that it has learned from.
        landmarks: the section `landmarks` of `params.yaml` that the faces were seen with; None for pixels.
    """

    name: str
    sees: str
    weights: str
    precision: str
    val: float
    test: float
    dataset: str
    version: str
    licence: str
    size: int = FACE
    landmarks: dict[str, Any] | None = None


def session(path: Path, threads: int | None = None) -> Any:
    """An onnxruntime session of a file, on the CPU.

    Args:
        path: the file.
        threads: of one call; None leaves it to onnxruntime.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def reason(error: Exception) -> str:
    """What onnxruntime says of a file that it can't use, as part of a line."""
    return " ".join(str(error).split())[:150]


class Network:
    """A model from an ONNX file that `fer.export` wrote. Safe for use by several threads.

    Args:
        path: the file.
        threads: of one call; None leaves it to onnxruntime.

    Raises:
        FerError: the file is missing, damaged, or no model of this project.
    """

    def __init__(self, path: Path | str, threads: int | None = None) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FerError(f"{path} is missing. `fer models` lists the models at hand.")
        try:
            self._session = session(self.path, threads)
            properties = self._session.get_modelmeta().custom_metadata_map
            values = {key: json.loads(value) for key, value in properties.items()}
            emotions = values.pop("emotions")
            self.about = About(**values)
        except Exception as error:  # onnxruntime's own errors have no common base but this
            raise FerError(f"{path} is no model that this version of fer can use ({reason(error)}).") from error
        if emotions != list(EMOTIONS):
            raise FerError(f"{path} answers with other emotions, or in another order ({emotions}).")

    @property
    def most_views(self) -> int:
        """In how many ways the model can look at a face."""
        return len(POSES) if self.about.sees == "pixels" else 2

    def probabilities(self, faces: np.ndarray, views: int = 1) -> np.ndarray:
        """Probabilities of the seven emotions, in the order of `fer.emotions.EMOTIONS`.

        Args:
            faces: uint8 [n, S, S] (pixels) or float32 [n, 478, 3] (landmarks, NaN where none were found).
            views: test-time augmentation: over how many views of each face to average; at most `most_views`.

        Returns:
            float32 [n, 7].
        """
        if not len(faces):
            return np.empty((0, len(EMOTIONS)), np.float32)
        parts = [self._averaged(faces[start : start + _BATCH], views) for start in range(0, len(faces), _BATCH)]
        return np.concatenate(parts)

    def milliseconds(self, calls: int = 20) -> float:
        """The median time of one face, in one view, after a first call that is not counted."""
        face = (
            np.zeros((1, POINTS, 3), np.float32)
            if self.about.sees == "landmarks"
            else np.zeros((1, FACE, FACE), np.uint8)
        )
        times = []
        for _ in range(calls + 1):
            began = time.perf_counter()
            self._run({"faces": face})
            times.append(time.perf_counter() - began)
        return statistics.median(times[1:]) * 1000

    def _averaged(self, faces: np.ndarray, views: int) -> np.ndarray:
        answers = [self._run(inputs) for inputs in self._views(faces, min(views, self.most_views))]
        averaged: np.ndarray = np.mean(answers, axis=0, dtype=np.float64).astype(np.float32)
        return averaged

    def _views(self, faces: np.ndarray, count: int) -> list[dict[str, np.ndarray]]:
        if self.about.sees == "pixels":
            return [{"faces": faces}, *({"faces": faces, "pose": pose.matrix()} for pose in POSES[1:count])]
        mirrored = faces[:, FLIP] * np.array([-1, 1, 1], np.float32)
        return [{"faces": faces}, {"faces": mirrored}][:count]

    def _run(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        answer: np.ndarray = self._session.run(None, inputs)[0]
        return answer
