"""MediaPipe's Face Mesh on one small grey face, shown with a border and at a size of one's choice.

The detector in front of the mesh (BlazeFace, Bazarevsky et al. 2019) was trained on selfies that show some
surroundings, and misses faces that fill their image. A replicated border gives it those surroundings.
"""

import importlib.util
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from fer.config import View
from fer.errors import FerError
from fer.landmarks.symmetry import FLIP

_MODEL = Path("modules", "face_landmark", "face_landmark_with_attention.tflite")
_INSTALL = "Install the pinned requirements (mediapipe 0.10.21, Python 3.11 or 3.12)"


def require_mediapipe() -> None:
    """Check, without the seconds that its import takes, that MediaPipe and its 478-point model are there.

    Raises:
        FerError: MediaPipe is not installed, or is a release without the model.
    """
    spec = importlib.util.find_spec("mediapipe")
    if spec is None or spec.origin is None:
        raise FerError(f"Landmarks need MediaPipe, which is not installed. {_INSTALL}: run `make setup`.")
    if not (Path(spec.origin).parent / _MODEL).is_file():
        raise FerError(f"This release of MediaPipe comes without its 478-point face model. {_INSTALL}.")


class Mesh:
    """A Face Mesh graph (Kartynnik et al. 2019; attention refinement, Grishchenko et al. 2020).

    Not safe for use by several threads at once. Close it, or use it in a `with` block.
    """

    def __init__(self, confidence: float) -> None:
        """Build the graph.

        Args:
            confidence: the face detector's minimum confidence, 0 .. 1.

        Raises:
            FerError: MediaPipe or its model is missing, or fails to start.
        """
        require_mediapipe()
        try:
            from mediapipe.python.solutions.face_mesh import FaceMesh

            self._graph: Any = FaceMesh(
                static_image_mode=True,
                refine_landmarks=True,
                max_num_faces=1,
                min_detection_confidence=confidence,
            )
        except (ImportError, OSError, RuntimeError, AttributeError) as error:
            reason = " ".join(str(error).split())[:300]
            raise FerError(f"MediaPipe does not start ({reason}). {_INSTALL}.") from error

    def __enter__(self) -> "Mesh":
        """Return the mesh itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the graph."""
        self.close()

    def close(self) -> None:
        """Free the graph and its threads."""
        self._graph.close()

    def find(self, face: np.ndarray, view: View) -> np.ndarray | None:
        """Find the landmarks of one face.

        Args:
            face: uint8 [S, S], grey.
            view: how it is shown to MediaPipe.

        Returns:
            float32 [478, 3], or None: x and y in sides of the face image (0 .. 1 inside it, y downwards), z in
            the same unit (smaller is nearer the camera). Points found in a mirror image are mirrored back.
        """
        import cv2

        side = face.shape[0]
        width = round(side * view.border)
        shown = cv2.flip(face, 1) if view.mirrored else face
        framed = cv2.copyMakeBorder(shown, width, width, width, width, cv2.BORDER_REPLICATE)
        # A face that is larger than asked for is averaged down: every other method would skip pixels.
        methods = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC, "lanczos": cv2.INTER_LANCZOS4}
        method = cv2.INTER_AREA if framed.shape[0] > view.size else methods[view.interpolation]
        resized = cv2.resize(framed, (view.size, view.size), interpolation=method)
        found = self._graph.process(cv2.cvtColor(resized, cv2.COLOR_GRAY2RGB)).multi_face_landmarks
        if not found:
            return None
        points = np.array([(point.x, point.y, point.z) for point in found[0].landmark])
        points *= framed.shape[0] / side
        points[:, :2] -= width / side
        if view.mirrored:
            points = points[FLIP]
            points[:, 0] = 1 - points[:, 0]
        return points.astype(np.float32)
