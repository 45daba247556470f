"""A trained network as one ONNX file that takes a face and gives probabilities.

Inputs: `faces`, exactly what `fer.models.inputs` makes of a face, uint8 [n, S, S] or float32 [n, 478, 3]; for a network
on pixels also `pose`, float32 [2, 3], a matrix of `fer.models.poses` in which all faces are held. It has a default in
the file, the plain pose, so it may be left out. Output: `probabilities`, float32 [n, 7].
"""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fer import writing
from fer.models.base import FaceModel
from fer.models.on_pixels import enlarge, hold
from fer.models.poses import Pose

OPSET = 18  # the first with antialiasing in Resize


class OnPixels(nn.Module):
    """Preprocessing, pose, network and softmax."""

    def __init__(self, network: FaceModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, faces: Tensor, pose: Tensor) -> Tensor:
        """Faces uint8 [n, S, S] in a pose float32 [2, 3] -> probabilities float32 [n, 7]."""
        pictures = hold(enlarge(faces, self.network.image_size), pose)  # type: ignore[arg-type]
        return torch.softmax(self.network(pictures), dim=1)


class OnLandmarks(nn.Module):
    """Network and softmax."""

    def __init__(self, network: FaceModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, faces: Tensor) -> Tensor:
        """Landmarks float32 [n, 478, 3] -> probabilities float32 [n, 7]."""
        return torch.softmax(self.network(faces), dim=1)


def write(path: Path, network: FaceModel, faces: np.ndarray, about: Mapping[str, Any]) -> None:
    """Write a network's ONNX file.

    Args:
        path: the file.
        network: in evaluation mode.
        faces: two or more of its inputs, as an example of their shape.
        about: what goes into the file's metadata, each value as JSON.
    """
    import onnx

    on_pixels = network.sees == "pixels"
    module = OnPixels(network) if on_pixels else OnLandmarks(network)
    plain = Pose().matrix()
    example = (torch.from_numpy(faces[:2]), *([torch.from_numpy(plain)] if on_pixels else []))
    with writing.atomic(path) as temporary:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tracer warns of every shape that it takes for fixed
            _support_antialiasing()
            torch.onnx.export(
                module.eval(),
                example,
                str(temporary),
                dynamo=False,
                opset_version=OPSET,
                input_names=["faces", "pose"][: len(example)],
                output_names=["probabilities"],
                dynamic_axes={"faces": {0: "n"}, "probabilities": {0: "n"}},
            )
        model = onnx.load(temporary)
        if on_pixels:
            model.graph.initializer.append(onnx.numpy_helper.from_array(plain, "pose"))
        describe(model, about)
        onnx.save(model, temporary)


def describe(model: Any, about: Mapping[str, Any]) -> None:
    """Set the metadata of an ONNX model, each value as JSON."""
    del model.metadata_props[:]
    for key, value in about.items():
        model.metadata_props.add(key=key, value=json.dumps(value))


def _support_antialiasing() -> None:
    """Teach the exporter torch's antialiased resizing, which ONNX has since opset 18."""
    from torch.onnx import register_custom_op_symbolic, symbolic_helper  # type: ignore[attr-defined]

    @symbolic_helper.parse_args("v", "v", "b", "v")
    def resize(graph: Any, pictures: Any, size: Any, _corners: bool, _scales: Any) -> Any:
        def numbers(*values: int) -> Any:
            return graph.op("Constant", value_t=torch.tensor(values))

        outer = graph.op("Slice", graph.op("Shape", pictures), numbers(0), numbers(2))
        sizes = graph.op("Concat", outer, graph.op("Cast", size, to_i=7), axis_i=0)  # 7: int64
        nothing = graph.op("Constant", value_t=torch.tensor([], dtype=torch.float32))
        return graph.op(
            "Resize",
            pictures,
            nothing,
            nothing,
            sizes,
            antialias_i=1,
            coordinate_transformation_mode_s="half_pixel",
            mode_s="linear",
        )

    register_custom_op_symbolic("aten::_upsample_bilinear2d_aa", resize, OPSET)
