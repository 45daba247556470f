"""ONNX files with weights in 16 bits: half the size; they become float32 again when the file is loaded."""

from pathlib import Path

import numpy as np

from fer import artifacts
from fer.export import onnx_file


def write(source: Path, path: Path) -> None:
    """Write the 16-bit form of a file that `onnx_file.write` made, with the same inputs, output and metadata.

    Args:
        source: the file in float32.
        path: the file to write.
    """
    import onnx

    model = onnx.load(source)
    onnx_file.describe(model, onnx_file.metadata(model) | {"precision": "float16"})
    artifacts.write_bytes(path, model.SerializeToString(deterministic=True))
    halve(path)


def halve(path: Path) -> float:
    """Store the large weights of an ONNX file as float16; returns the largest relative error of a weight.

    A weight w becomes Cast(float16), which onnxruntime works out once, when it loads the file: from then on it computes
    in float32, as fast as before. The error is relative to the largest weight of its tensor.

    Args:
        path: the file, which is replaced.

    Raises:
        FerError: the file can't be written.
    """
    import onnx

    model = onnx.load(path)
    graph, casts, worst = model.graph, [], 0.0
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        large = values.dtype == np.float32 and values.size >= onnx_file.LARGE
        if not large or np.abs(values).max() > np.finfo(np.float16).max:
            continue
        half, name = values.astype(np.float16), tensor.name
        worst = max(worst, float(np.abs(half - values).max() / max(np.abs(values).max(), 1e-12)))
        tensor.CopyFrom(onnx.numpy_helper.from_array(half, f"{name}_half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}_half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]  # in the order in which they are needed
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    artifacts.write_bytes(path, model.SerializeToString(deterministic=True))
    return worst
