import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from fer.export import onnx_file


def test_large_constants_of_one_value_take_no_space():
    ones, varied = np.ones((40, 40), np.float32), np.arange(1600, dtype=np.float32).reshape(40, 40)
    small = np.zeros((2, 2), np.float32)
    nodes = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(values))
        for name, values in (("ones", ones), ("varied", varied), ("small", small))
    ]
    nodes += [helper.make_node("MatMul", ["x", "ones"], ["sum"]), helper.make_node("Add", ["sum", "varied"], ["y"])]
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [40, 40]) for name in "xy"]
    model = helper.make_model(helper.make_graph(nodes, "g", values[:1], values[1:]), ir_version=9)
    x = np.random.default_rng(0).normal(size=(40, 40)).astype(np.float32)

    def run():
        return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]

    before, size = run(), model.ByteSize()
    onnx_file.shrink_constants(model.graph)
    np.testing.assert_array_equal(run(), before)
    assert size - ones.nbytes < model.ByteSize() < size - ones.nbytes + 300
