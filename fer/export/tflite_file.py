"""Files of TensorFlow Lite: read them, and translate the operations of a small convolutional network to ONNX."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fer.errors import FerError


@dataclass(frozen=True)
class Operation:
    """One operation of a file.

    Attributes:
        kind: the name TensorFlow Lite gives it, such as CONV_2D, or a custom operation's own name.
        inputs, output: names of tensors.
        source_shape, shape: of the first input and of the output, channels last; the first side is the batch.
        options: a custom operation's own, or the strides, the kernel and whether the output keeps the input's size.
    """

    kind: str
    inputs: tuple[str, ...]
    output: str
    source_shape: tuple[int, ...]
    shape: tuple[int, ...]
    options: dict[str, Any]


@dataclass(frozen=True)
class Network:
    """What a file holds.

    Attributes:
        operations: in the order in which they run.
        constants: by the names of their tensors.
        source, outputs: the names of the input and of the outputs.
    """

    operations: list[Operation]
    constants: dict[str, np.ndarray]
    source: str
    outputs: tuple[str, ...]


def read(path: Path) -> Network:
    """Read a file of one graph with one input. Weights in 16 bits come as float32.

    Raises:
        FerError: the package tflite is missing.
    """
    try:
        import tflite
    except ImportError as error:
        raise FerError("The package that reads TensorFlow Lite files is missing: pip install tflite") from error
    from flatbuffers import flexbuffers

    model = tflite.Model.GetRootAsModel(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    names = {value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}
    readers = {
        "CONV_2D": tflite.Conv2DOptions,
        "DEPTHWISE_CONV_2D": tflite.DepthwiseConv2DOptions,
        "MAX_POOL_2D": tflite.Pool2DOptions,
    }
    types = tflite.TensorType
    dtypes: dict[int, Any] = {types.FLOAT32: np.float32, types.FLOAT16: np.float16, types.INT32: np.int32}

    def name(index: int) -> str:
        return str(graph.Tensors(index).Name().decode())

    def shape(index: int) -> tuple[int, ...]:
        return tuple(graph.Tensors(index).ShapeAsNumpy().tolist())

    constants = {}
    for index in range(graph.TensorsLength()):
        data = model.Buffers(graph.Tensors(index).Buffer())
        if data.DataLength():
            values = data.DataAsNumpy().view(dtypes[graph.Tensors(index).Type()])
            constants[name(index)] = values.reshape(shape(index))
    operations = []
    for number in range(graph.OperatorsLength()):
        row = graph.Operators(number)
        code = model.OperatorCodes(row.OpcodeIndex())
        kind = names[code.BuiltinCode()]
        options: dict[str, Any] = {}
        if kind == "CUSTOM":
            kind = code.CustomCode().decode()
            options = flexbuffers.Loads(bytes(row.CustomOptionsAsNumpy())) if row.CustomOptionsLength() else {}
        elif kind in readers:
            own = readers[kind]()
            own.Init(row.BuiltinOptions().Bytes, row.BuiltinOptions().Pos)
            options = {"strides": [own.StrideH(), own.StrideW()], "same": own.Padding() == tflite.Padding.SAME}
            if kind == "MAX_POOL_2D":
                options["kernel"] = [own.FilterHeight(), own.FilterWidth()]
        inputs, output = tuple(map(name, row.InputsAsNumpy())), row.Outputs(0)
        if kind == "DEQUANTIZE":
            constants[name(output)] = constants[inputs[0]].astype(np.float32)
        else:
            operations.append(Operation(kind, inputs, name(output), shape(row.Inputs(0)), shape(output), options))
    return Network(operations, constants, name(graph.Inputs(0)), tuple(map(name, graph.OutputsAsNumpy())))


@dataclass
class Builder:
    """Nodes and constants of an ONNX graph that grows: each call gives the name of a tensor."""

    nodes: list[Any] = field(default_factory=list)
    tensors: list[Any] = field(default_factory=list)

    def constant(self, values: Any) -> str:
        """Add a constant."""
        from onnx import numpy_helper

        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), f"constant{len(self.tensors)}"))
        return str(self.tensors[-1].name)

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node with one output."""
        return self.split(kind, *inputs, outputs=(output or f"tensor{len(self.nodes)}",), **attributes)[0]

    def split(self, kind: str, *inputs: str, outputs: tuple[str, ...], **attributes: Any) -> tuple[str, ...]:
        """Add a node with several outputs."""
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
        return outputs


def join_colours(network: Network) -> None:
    """Let the first convolution of a network see one channel instead of three equal ones."""
    first = next(operation for operation in network.operations if network.source in operation.inputs)
    weights = first.inputs[1]
    network.constants[weights] = network.constants[weights].sum(axis=3, keepdims=True)


Translation = Callable[[Builder, Operation, dict[str, np.ndarray]], None]


def translate(network: Network, builder: Builder, custom: dict[str, Translation]) -> None:
    """Add the operations of a network to an ONNX graph; images have their channels in front there.

    A tensor keeps its name. One of more than three sides has the channels behind the batch.

    Args:
        network: what `read` gives.
        builder: takes the nodes, and has the network's input already.
        custom: how to translate the custom operations.

    Raises:
        FerError: there is an operation that neither this module nor `custom` knows.
    """
    known = _ORDINARY | custom
    for operation in network.operations:
        if operation.kind not in known:
            raise FerError(f"The operation {operation.kind} of the network has no translation.")
        known[operation.kind](builder, operation, network.constants)


def _sliding(operation: Operation) -> dict[str, Any]:
    return {"strides": operation.options["strides"], "auto_pad": "SAME_UPPER" if operation.options["same"] else "VALID"}


def _convolution(builder: Builder, operation: Operation, constants: dict[str, np.ndarray]) -> None:
    source, weights, bias = operation.inputs
    depthwise = operation.kind == "DEPTHWISE_CONV_2D"
    kernel = constants[weights].transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
    builder.add(
        "Conv",
        source,
        builder.constant(kernel),
        builder.constant(constants[bias]),
        output=operation.output,
        group=len(kernel) if depthwise else 1,
        kernel_shape=kernel.shape[2:],
        **_sliding(operation),
    )


def _prelu(builder: Builder, operation: Operation, constants: dict[str, np.ndarray]) -> None:
    """PReLU(x) = a x + (1 - a) ReLU(x), as two depthwise convolutions.

    They keep onnxruntime's blocked memory layout, which PReLU leaves.
    """
    slope = constants[operation.inputs[1]].reshape(-1, 1, 1, 1)
    source = operation.inputs[0]
    options: dict[str, Any] = {"group": len(slope), "kernel_shape": [1, 1]}
    every = builder.add("Conv", source, builder.constant(slope), **options)
    positive = builder.add("Conv", builder.add("Relu", source), builder.constant(1 - slope), **options)
    builder.add("Add", every, positive, output=operation.output)


def _sum_or_product(builder: Builder, operation: Operation, constants: dict[str, np.ndarray]) -> None:
    inputs = [builder.constant(constants[name]) if name in constants else name for name in operation.inputs]
    builder.add(operation.kind.capitalize(), *inputs, output=operation.output)


def _maximum(builder: Builder, operation: Operation, constants: dict[str, np.ndarray]) -> None:
    kernel = operation.options["kernel"]
    builder.add("MaxPool", *operation.inputs, output=operation.output, kernel_shape=kernel, **_sliding(operation))


def _pad(builder: Builder, operation: Operation, constants: dict[str, np.ndarray]) -> None:
    pads = constants[operation.inputs[1]][[0, 3, 1, 2]].T.astype(np.int64).ravel()
    builder.add("Pad", operation.inputs[0], builder.constant(pads), output=operation.output)


def _reshape(builder: Builder, operation: Operation, constants: dict[str, np.ndarray]) -> None:
    """In the order that the numbers have in TensorFlow, where an image has its channels last."""
    source, shape = operation.inputs[0], np.array([-1, *operation.shape[1:]])
    if len(operation.source_shape) == 4 and max(operation.source_shape[1:3]) > 1:
        source = builder.add("Transpose", source, perm=[0, 2, 3, 1])
    builder.add("Reshape", source, builder.constant(shape), output=operation.output)


def _relu(builder: Builder, operation: Operation, constants: dict[str, np.ndarray]) -> None:
    builder.add("Relu", *operation.inputs, output=operation.output)


def _concatenate(builder: Builder, operation: Operation, constants: dict[str, np.ndarray]) -> None:
    """Along the first axis behind the batch, of tensors that are no images."""
    builder.add("Concat", *operation.inputs, output=operation.output, axis=1)


_ORDINARY: dict[str, Translation] = {
    "ADD": _sum_or_product,
    "CONCATENATION": _concatenate,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "MAX_POOL_2D": _maximum,
    "MUL": _sum_or_product,
    "PAD": _pad,
    "PRELU": _prelu,
    "RELU": _relu,
    "RESHAPE": _reshape,
}
