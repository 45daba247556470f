"""An exported model: probabilities of faces by onnxruntime."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fer import inputs
from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.inference.about import EXPLAIN, OUTPUTS, About
from fer.inference.text import one_line, printable
from fer.inputs.poses import Pose

_BATCH = 64
_SILENT = 4  # onnxruntime's log level: an odd file's problems are reported once, as a FerError


class MissingModel(FerError):
    """A model that does not exist was asked for: a wrong call."""

    exit_code = 2


def session(path: Path, threads: int | None = None) -> Any:
    """An onnxruntime session of a file, on the CPU.

    Args:
        path: the file.
        threads: of one call; None leaves it to onnxruntime.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    if threads is not None:
        options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class Network:
    """A model from an ONNX file that `fer.export` wrote. Safe for use by several threads.

    The file's metadata is checked, and so is its answer on an example face, before the model is used.

    Args:
        path: the file.
        threads: of one call; None leaves it to onnxruntime.
        test_accuracy: 0 .. 1, of this file on its data set's test faces in one view; None if not known.
        share: its weight in the mean of the models that are loaded together.

    Raises:
        MissingModel: there is no such file.
        FerError: the file is damaged, or no model that this version of fer can use.
    """

    def __init__(
        self, path: Path | str, threads: int | None = None, test_accuracy: float | None = None, share: float = 1.0
    ) -> None:
        self.path, self.test_accuracy, self.share = Path(path), test_accuracy, share
        self._shown = printable(str(path))
        if not self.path.is_file():
            raise MissingModel(f"There is no file {self._shown}. `fer models` lists the models.")
        try:
            self._session = session(self.path, threads)
            self._output = self._session.get_outputs()[0].name
            self.about = About.of(self._session.get_modelmeta().custom_metadata_map)
            self._check_signature()
            self._check_answer()
        except Exception as error:  # onnxruntime's own errors have no common base but this
            reason = one_line(error, 150)
            raise FerError(f"{self._shown} is no model that this version of fer can use ({reason}).") from error

    @property
    def most_views(self) -> int:
        """How many test-time views of a face the model can tell apart."""
        return len(inputs.poses(self.about.inputs))

    @property
    def has_feature_map(self) -> bool:
        """Whether `feature_map` can be called: older files, and networks of other kinds, have none."""
        return self.about.outputs == OUTPUTS

    def probabilities(self, values: Mapping[str, np.ndarray], views: int = 1) -> np.ndarray:
        """Probabilities of the seven emotions, in the order of `fer.emotions.EMOTIONS`.

        Args:
            values: the model's inputs for n faces, as `fer.inputs.from_crops` makes them.
            views: test-time augmentation: over how many views of each face to average; at most `most_views`.

        Returns:
            float32 [n, 7].

        Raises:
            FerError: the model can't work with these faces.
        """
        poses = inputs.poses(self.about.inputs)[: max(1, views)]
        count = len(next(iter(values.values())))
        answers = np.empty((count, len(EMOTIONS)), np.float32)
        try:
            for start in range(0, count, _BATCH):
                batch = inputs.select(values, slice(start, start + _BATCH))
                views_of_batch = [self._run(inputs.feed(batch, pose)) for pose in poses]
                answers[start : start + _BATCH] = np.mean(views_of_batch, axis=0, dtype=np.float64)
        except Exception as error:  # as above
            raise FerError(f"{self._shown} fails on these faces ({one_line(error, 150)}).") from error
        return answers

    def feature_map(self, values: Mapping[str, np.ndarray], pose: Pose) -> tuple[np.ndarray, np.ndarray]:
        """What class activation maps are made of; `fer.models.base.FaceModel.explained` says how.

        Args:
            values: as `probabilities` takes them.
            pose: the view in which the model sees the faces, one of `fer.inputs.poses`.

        Returns:
            The last feature map, float32 [n, C, h, w], and the weights of its channels, float32 [n, 7, C].

        Raises:
            FerError: the model can't work with these faces.
        """
        count = len(next(iter(values.values())))
        try:
            batches = (inputs.select(values, slice(start, start + _BATCH)) for start in range(0, count, _BATCH))
            asked = ({**inputs.feed(batch, pose), EXPLAIN: np.array(True)} for batch in batches)
            parts = [self._session.run(list(OUTPUTS[1:]), arguments) for arguments in asked]
            features, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
            if features.ndim != 4 or weights.shape != (count, len(EMOTIONS), features.shape[1]):
                raise ValueError(f"its feature map {list(features.shape)} has the weights {list(weights.shape)}")
        except Exception as error:  # as above
            raise FerError(f"{self._shown} can't explain these faces ({one_line(error, 150)}).") from error
        return features, weights

    def _check_signature(self) -> None:
        # An input with a default value, such as a pose, may be left out.
        needed = {value.name for value in self._session.get_inputs()}
        optional = {value.name for value in self._session.get_overridable_initializers()}
        if not needed <= set(self.about.inputs) <= needed | optional:
            raise ValueError(f"it takes {', '.join(sorted(needed))} instead of {', '.join(self.about.inputs)}")
        missing = set(self.about.outputs[1:]) - {value.name for value in self._session.get_outputs()}
        if missing:
            raise ValueError(f"it lacks the outputs {', '.join(sorted(missing))} that its metadata names")

    def _check_answer(self) -> None:
        """Ask for two example faces: files that hold one batch size only are found out, too."""
        kinds = {name: inputs.KINDS[name] for name in self.about.inputs}
        faces = {name: np.repeat(kind.example(self.about.size), 2, axis=0) for name, kind in kinds.items()}
        answer = self._run(inputs.feed(faces, inputs.poses(self.about.inputs)[0]))
        if not isinstance(answer, np.ndarray) or answer.shape != (2, len(EMOTIONS)):
            raise ValueError(f"its answer is not {len(EMOTIONS)} probabilities a face")
        sums = answer.sum(axis=1)
        if not (np.isfinite(answer).all() and (answer >= 0).all() and np.allclose(sums, 1, atol=1e-3)):
            raise ValueError("its answer holds no probabilities: they must be 0 .. 1 with the sum 1")

    def _run(self, arguments: dict[str, np.ndarray]) -> np.ndarray:
        answer: np.ndarray = self._session.run([self._output], arguments)[0]
        return answer
