"""MediaPipe's attention mesh as an ONNX model.

The network finds 468 points, cuts the regions of the lips and of both eyes out of its own features, turned and scaled
by these points, and finds the points of these regions again, and those of the irises (Grishchenko et al. 2020).
TensorFlow Lite has no operations for that, and MediaPipe brings its own three.
"""

from pathlib import Path
from typing import Any

import numpy as np

from fer.export.tflite_file import Builder, Network, Operation, Translation, join_colours, read, translate
from fer.landmarks.network import SIZE
from fer.sizes import POINTS

_IRIS = 5  # points
_CONTOUR = 16  # points around the opening of an eye, the first of those of its region

Constants = dict[str, np.ndarray]


def convert(path: Path) -> Any:
    """The network of `face_landmark_with_attention.tflite` as an ONNX model with weights in float32.

    Input `images` float32 [n, 192, 192], grey, 0 .. 1; outputs `points` float32 [n, 478, 3] in pixels of the input, and
    `presence` float32 [n], the probability of a face.
    """
    from onnx import TensorProto, helper

    network, builder = read(path), Builder()
    join_colours(network)
    for name, values in network.constants.items():
        if values.shape == (1, 4, 4):
            network.constants[name] = values[:, :2, [0, 1, 3]].transpose(0, 2, 1)  # as `_region` gives a matrix
    builder.add("Unsqueeze", "images", builder.constant(np.array([1])), output=network.source)
    translate(network, builder, _CUSTOM)
    _join(builder, network)
    graph = helper.make_graph(
        builder.nodes,
        "face_landmarks",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", SIZE, SIZE])],
        [
            helper.make_tensor_value_info("points", TensorProto.FLOAT, ["n", POINTS, 3]),
            helper.make_tensor_value_info("presence", TensorProto.FLOAT, ["n"]),
        ],
        builder.tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def _region(builder: Builder, operation: Operation, constants: Constants) -> None:
    """Landmarks2TransformMatrix: from pixels of a region to those of the image, float32 [n, 3, 2].

    (x, y, 1) times the matrix. The region is the rectangle around some of the points, in a frame whose x axis goes from
    one of them to another, and larger by a factor.
    """
    options, constant = operation.options, builder.constant
    points = builder.add("Slice", operation.inputs[0], *(constant(np.array([value])) for value in (0, 2, 2)))
    ends = np.array([options["left_rotation_idx"], options["right_rotation_idx"]])
    difference = constant(np.array([[-1, 1]], np.float32))
    along = builder.add("MatMul", difference, builder.add("Gather", points, constant(ends), axis=1))
    axis = builder.add("Div", along, builder.add("ReduceL2", along, constant(np.array([2]))))
    # Rows are the region's axes: (cos, sin) and (-sin, cos).
    axes = builder.add("MatMul", axis, constant(np.array([[1, 0, 0, 1], [0, 1, -1, 0]], np.float32)))
    axes = builder.add("Reshape", axes, constant(np.array([-1, 2, 2])))
    own = builder.add("Gather", points, constant(np.array(options["subset_idxs"])), axis=1)
    own = builder.add("MatMul", own, builder.add("Transpose", axes, perm=[0, 2, 1]))
    low, high = (builder.add(kind, own, constant(np.array([1]))) for kind in ("ReduceMin", "ReduceMax"))
    size = np.array([options["output_width"], options["output_height"]], np.float32)
    scale = constant(np.array([options["scale_x"], options["scale_y"]], np.float32) / size)
    scale = builder.add("Transpose", builder.add("Mul", builder.add("Sub", high, low), scale), perm=[0, 2, 1])
    linear = builder.add("Mul", axes, scale)
    middle = builder.add("Mul", builder.add("Add", low, high), constant(np.float32(0.5)))
    corner = builder.add("MatMul", constant(size[None] / 2), linear)
    corner = builder.add("Sub", builder.add("MatMul", middle, axes), corner)
    builder.add("Concat", linear, corner, output=operation.output, axis=1)


def _cut(builder: Builder, operation: Operation, constants: Constants) -> None:
    """TransformTensorBilinear: a region of the features, bilinear; 0 beyond the centres of the outermost pixels."""
    source, matrix = operation.inputs
    _, height, width, _ = operation.shape
    y, x = np.mgrid[:height, :width].reshape(2, -1) + 0.5
    constant = builder.constant
    grid = builder.add("MatMul", constant(np.stack([x, y, np.ones_like(x)], axis=1).astype(np.float32)), matrix)
    # GridSample wants -1 and 1 for the centres of the outermost pixels, which the matrix puts at 0.5 and side - 0.5.
    last = np.array(operation.source_shape[2:0:-1], np.float32) - 1
    grid = builder.add("Sub", builder.add("Mul", grid, constant(2 / last)), constant(1 / last + 1))
    furthest = builder.add("ReduceMax", builder.add("Abs", grid), constant(np.array([2])))
    outside = builder.add("Greater", furthest, constant(np.float32(1)))
    grid = builder.add("Where", outside, constant(np.float32(3)), grid)
    grid = builder.add("Reshape", grid, constant(np.array([-1, height, width, 2])))
    builder.add("GridSample", source, grid, output=operation.output, align_corners=1, padding_mode="zeros")


def _place(builder: Builder, operation: Operation, constants: Constants) -> None:
    """TransformLandmarks: points of a region become points of the image."""
    points, matrix = operation.inputs
    names = f"{operation.output}_linear", f"{operation.output}_corner"
    linear, corner = builder.split("Split", matrix, builder.constant(np.array([2, 1])), outputs=names, axis=1)
    builder.add("Add", builder.add("MatMul", points, linear), corner, output=operation.output)


def _same(builder: Builder, operation: Operation, constants: Constants) -> None:
    """STRIDED_SLICE of a whole tensor."""
    builder.add("Identity", operation.inputs[0], output=operation.output)


_CUSTOM: dict[str, Translation] = {
    "Landmarks2TransformMatrix": _region,
    "TransformTensorBilinear": _cut,
    "TransformLandmarks": _place,
    "STRIDED_SLICE": _same,
}


def _join(builder: Builder, network: Network) -> None:
    """Join the points of the regions with those of the whole face, as MediaPipe does.

    In the regions, x and y are the regions' own, and z stays. An iris is as near as the opening of its eye.
    """
    mesh, lips, left, right, *irises, presence = network.outputs
    kind = "Landmarks2TransformMatrix"
    owned = [operation.options["subset_idxs"] for operation in network.operations if operation.kind == kind]
    constant, whole = builder.constant, POINTS - 2 * _IRIS
    mesh = builder.add("Reshape", mesh, constant(np.array([-1, whole, 3])))
    plane, depth = builder.split("Split", mesh, constant(np.array([2, 1])), outputs=("plane", "depth"), axis=2)
    parts = [
        builder.add("Reshape", name, constant(np.array([-1, count, 2])))
        for name, count in zip((*irises, lips, left, right), (_IRIS, _IRIS, *map(len, owned)), strict=True)
    ]
    # The irises come behind the mesh. Then every point from a region replaces that of the mesh.
    order, start = np.arange(POINTS), POINTS
    for own in owned:
        order[own] = np.arange(start, start + len(own))
        start += len(own)
    plane = builder.add("Gather", builder.add("Concat", plane, *parts, axis=1), constant(order), axis=1)
    contours = builder.add("Gather", depth, constant(np.array([eye[:_CONTOUR] for eye in owned[1:]])), axis=1)
    means = builder.add("ReduceMean", contours, constant(np.array([2])), keepdims=0)
    order = np.concatenate([np.arange(whole), np.repeat([whole, whole + 1], _IRIS)])
    depth = builder.add("Gather", builder.add("Concat", depth, means, axis=1), constant(order), axis=1)
    builder.add("Concat", plane, depth, output="points", axis=2)
    presence = builder.add("Reshape", presence, constant(np.array([-1])))
    builder.add("Sigmoid", presence, output="presence")
