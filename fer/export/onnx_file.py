"""A trained network as one ONNX file that takes a face and gives probabilities.

Inputs: what the model declares and `fer.inputs` makes of a face: `pixels` uint8 [n, S, S], `landmarks` float32
[n, 478, 3]; with pixels also `pose`, float32 [2, 3], a matrix of `fer.inputs.poses` in which all faces are held. It has
a default in the file, the plain pose, so it may be left out. Output: `probabilities`, float32 [n, 7].
"""

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fer import inputs, writing
from fer.inputs.poses import Pose
from fer.models.base import FaceModel

OPSET = 18  # the first with antialiasing in Resize
LARGE = 1024  # numbers of a tensor from which on its size in a file matters


class Exported(nn.Module):
    """What the file computes: inputs as they are fed, preprocessing, network, temperature and softmax.

    Args:
        network: in evaluation mode.
        names: of the file's inputs, in the order in which `forward` gets them.
    """

    def __init__(self, network: FaceModel, names: Sequence[str]) -> None:
        super().__init__()
        self.network, self.names = network, tuple(names)

    def forward(self, *arguments: Tensor) -> Tensor:
        """The file's inputs -> probabilities float32 [n, 7]."""
        named = dict(zip(self.names, arguments, strict=True))
        values = {name: inputs.KINDS[name].traced(named, self.network) for name in self.network.inputs}
        return self.network.probabilities(**values)


def write(path: Path, network: FaceModel, values: Mapping[str, np.ndarray], metadata: Mapping[str, Any]) -> None:
    """Write a network's ONNX file.

    Args:
        path: the file.
        network: in evaluation mode.
        values: its inputs for two or more faces, as an example of their shape.
        metadata: of the file, each value as JSON.
    """
    import onnx

    example = inputs.feed(inputs.select(values, slice(2)), Pose())
    defaults = {key: array for name in network.inputs for key, array in inputs.KINDS[name].defaults().items()}
    batched = {name: {0: "n"} for name in (*(key for key in example if key not in defaults), "probabilities")}
    with writing.atomic(path) as temporary:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tracer warns of every shape that it takes for fixed
            _support_antialiasing()
            torch.onnx.export(
                Exported(network, list(example)).eval(),
                tuple(inputs.to_tensors(example).values()),
                str(temporary),
                dynamo=False,
                opset_version=OPSET,
                input_names=list(example),
                output_names=["probabilities"],
                dynamic_axes=batched,
            )
        model = onnx.load(temporary)
        shrink_constants(model.graph)
        for name, array in defaults.items():
            model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
        describe(model, metadata)
        onnx.save(model, temporary)


def shrink_constants(graph: Any) -> None:
    """Replace large constants that hold one value by its shape, from which onnxruntime makes them when it loads a file.

    The neighbours of a landmark are a matrix that the tracer fills from zeros: four such matrices take 3.7 MB.
    """
    import onnx

    for node in graph.node:
        if node.op_type != "Constant" or not node.attribute[0].HasField("t"):
            continue
        values = onnx.numpy_helper.to_array(node.attribute[0].t)
        if values.size < LARGE or (values != values.flat[0]).any():
            continue
        shape = onnx.numpy_helper.from_array(np.array(values.shape), f"{node.output[0]}_shape")
        graph.initializer.append(shape)
        value = onnx.numpy_helper.from_array(values.reshape(-1)[:1])
        node.CopyFrom(onnx.helper.make_node("ConstantOfShape", [shape.name], node.output, value=value))


def metadata(model: Any) -> dict[str, Any]:
    """The metadata of an ONNX model that `describe` has set."""
    return {entry.key: json.loads(entry.value) for entry in model.metadata_props}


def describe(model: Any, metadata: Mapping[str, Any]) -> None:
    """Set the metadata of an ONNX model, each value as JSON."""
    del model.metadata_props[:]
    for key, value in metadata.items():
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
