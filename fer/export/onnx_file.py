"""A trained network as one ONNX file that takes a face and gives probabilities.

Inputs: what the model declares and `fer.inputs` makes of a face: `pixels` uint8 [n, S, S], `landmarks` float32
[n, 478, 3]; with pixels also `pose`, float32 [2, 3], a matrix of `fer.inputs.poses` in which all faces are held. It has
a default in the file, the plain pose, so it may be left out.

Outputs: `probabilities`, float32 [n, 7]; and where the network has a feature map (`FaceModel.explained`) what class
activation maps are made of: `features`, float32 [n, C, h, w], and `channel_weights`, float32 [n, 7, C]. The metadata
`outputs` names what there is. The temperature is inside: the weights are derivatives of what softmax takes. They are
computed where the input `explain` is true (its default is false), since onnxruntime computes every output, also those
that nobody asks for.
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
from fer.inference.about import EXPLAIN, OUTPUTS
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
        self.outputs = OUTPUTS if network.has_feature_map else OUTPUTS[:1]

    def forward(self, *arguments: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The file's inputs -> probabilities float32 [n, 7], or all of `OUTPUTS`."""
        named = dict(zip(self.names, arguments, strict=True))
        values = {name: inputs.KINDS[name].traced(named, self.network) for name in self.network.inputs}
        if self.outputs != OUTPUTS:
            return self.network.probabilities(**values)
        logits, features, weights = self.network.explained(**values)
        temperature = self.network.temperature
        weights = weights.expand(features.shape[0], -1, -1)
        return (logits / temperature).softmax(1), features, weights / temperature


def write(path: Path, network: FaceModel, values: Mapping[str, np.ndarray], metadata: Mapping[str, Any]) -> None:
    """Write a network's ONNX file.

    Args:
        path: the file.
        network: in evaluation mode.
        values: its inputs for two or more faces, as an example of their shape.
        metadata: of the file, each value as JSON; `outputs` is added.
    """
    import onnx

    example = inputs.feed(inputs.select(values, slice(2)), Pose())
    defaults = {key: array for name in network.inputs for key, array in inputs.KINDS[name].defaults().items()}
    exported = Exported(network, list(example)).eval()
    batched = {name: {0: "n"} for name in (*(key for key in example if key not in defaults), *exported.outputs)}
    with writing.atomic(path) as temporary:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tracer warns of every shape that it takes for fixed
            _support_antialiasing()
            torch.onnx.export(
                exported,
                tuple(inputs.to_tensors(example).values()),
                str(temporary),
                dynamo=False,
                opset_version=OPSET,
                input_names=list(example),
                output_names=list(exported.outputs),
                dynamic_axes=batched,
            )
        model = onnx.load(temporary)
        shrink_constants(model.graph)
        for name, array in defaults.items():
            model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
        if exported.outputs == OUTPUTS:
            compute_on_request(model.graph, OUTPUTS[-1], EXPLAIN)
        describe(model, {**metadata, "outputs": list(exported.outputs)})
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


def compute_on_request(graph: Any, output: str, request: str) -> None:
    """Move what an output alone needs into a branch that runs where a new input is true; elsewhere it is empty.

    Args:
        graph: of an ONNX model.
        output: of three axes.
        request: name of the input, a bool that is false by default.
    """
    from onnx import TensorProto, helper, numpy_helper

    needed = {value.name for value in graph.output if value.name != output}
    for node in reversed(graph.node):
        if needed & set(node.output):
            needed |= set(node.input)
    own = [node for node in graph.node if not needed & set(node.output)]
    others = [node for node in graph.node if needed & set(node.output)]
    nothing = numpy_helper.from_array(np.zeros((0, 0, 0), np.float32))
    [last] = [node for node in own if output in node.output]
    last.output[list(last.output).index(output)] = f"{output}_computed"  # a branch may not give an outer name again
    branches = {
        "then_branch": own,
        "else_branch": [helper.make_node("Constant", [], [f"{output}_omitted"], value=nothing)],
    }
    graphs = {
        name: helper.make_graph(
            nodes, name, [], [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, [None] * 3)]
        )
        for name, nodes in branches.items()
    }
    graph.input.append(helper.make_tensor_value_info(request, TensorProto.BOOL, []))
    graph.initializer.append(numpy_helper.from_array(np.array(False), request))
    choice = helper.make_node("If", [request], [output], **graphs)
    del graph.node[:]
    graph.node.extend([*others, choice])


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
