"""Weights of sixteen bits."""

import shutil

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from fer.export import half, onnx_file
from fer.inference.network import Network


def test_a_file_takes_half_the_space_and_answers_alike(networks, tmp_path):
    folder, _, faces = networks
    small = tmp_path / "small.onnx"
    shutil.copy(folder / "small.onnx", small)
    assert 0 < half.halve(small) <= 2**-11  # half a step of float16
    assert small.stat().st_size < 0.6 * (folder / "small.onnx").stat().st_size
    found, expected = Network(small), Network(folder / "small.onnx")
    assert found.about == expected.about
    difference = np.abs(found.probabilities({"pixels": faces}) - expected.probabilities({"pixels": faces}))
    assert 0 < difference.max() < 1e-3
    content = small.read_bytes()
    assert half.halve(small) == 0
    assert small.read_bytes() == content


def test_what_float16_can_t_hold_or_gains_nothing_stays(tmp_path):
    tensors = {
        "small": np.ones(onnx_file.LARGE - 1, np.float32),
        "huge": np.full(onnx_file.LARGE, 1e5, np.float32),
        "whole": np.arange(onnx_file.LARGE),
        "large": np.linspace(-1, 1, onnx_file.LARGE, dtype=np.float32),
    }
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in tensors]
    kinds = [helper.np_dtype_to_tensor_dtype(values.dtype) for values in tensors.values()]
    outputs = [
        helper.make_tensor_value_info(f"{name}_out", kind, [len(values)])
        for (name, values), kind in zip(tensors.items(), kinds, strict=True)
    ]
    initial = [numpy_helper.from_array(values, name) for name, values in tensors.items()]
    graph = helper.make_graph(nodes, "test", [], outputs, initial)
    path, loaded = tmp_path / "file.onnx", tmp_path / "loaded.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    half.halve(path)
    kept = {tensor.name: tensor.data_type for tensor in onnx.load(path).graph.initializer}
    assert set(kept) == {"small", "huge", "whole", "large_half"}
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(loaded)
    found = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run(None, {})
    for values, now in zip(tensors.values(), found, strict=True):
        np.testing.assert_allclose(now, values, atol=2**-11)
    assert "Cast" not in {node.op_type for node in onnx.load(loaded).graph.node}  # worked out once, on loading
