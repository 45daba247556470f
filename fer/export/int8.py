"""An ONNX file in eight bits: static quantisation with calibrated ranges (Jacob et al. 2018), a quarter of the size."""

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fer import writing
from fer.export import onnx_file

CALIBRATION_FACES = 512
_BATCH = 64


def quantize(source: Path, path: Path, faces: np.ndarray, about: Mapping[str, Any]) -> None:
    """Write the quantised form of a file that `onnx_file.write` made, with the same inputs and output.

    Convolutions run in eight bits, weights by channel; the head and the grid of the pose, which cost nothing, do not.
    The ranges of activations are those that hold all but a hundred-thousandth of their values on `faces`.

    Args:
        source: the file in float32.
        path: the file to write.
        faces: what to calibrate on, from train.
        about: the metadata.
    """
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with writing.atomic(path) as temporary, tempfile.TemporaryDirectory() as folder, _silence():
        prepared = Path(folder, "prepared.onnx")
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            prepared,
            temporary,
            _Reader(faces),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.Percentile,
        )
        quantised = onnx.load(temporary)
        onnx_file.describe(quantised, about)
        onnx.save(quantised, temporary)


class _Reader:
    """Hands the calibration its faces, batch by batch."""

    def __init__(self, faces: np.ndarray) -> None:
        # onnxruntime's histograms want batches of one size.
        size = min(_BATCH, len(faces))
        starts = range(0, len(faces) // size * size, size)
        self._batches: Iterator[dict[str, np.ndarray]] = ({"faces": faces[start : start + size]} for start in starts)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._batches, None)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """No advice of the quantiser on what is done on purpose."""
    import onnxruntime

    logging.disable(logging.WARNING)
    onnxruntime.set_default_logger_severity(3)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        onnxruntime.set_default_logger_severity(2)
        logging.disable(logging.NOTSET)
