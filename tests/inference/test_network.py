"""Files that are no model of this project, or hardly one: each is one line."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from fer.errors import FerError
from fer.inference.network import MissingModel, Network
from tests.conftest import ABOUT
from tests.inference.conftest import fer

PIXELS = ("pixels", TensorProto.UINT8, ["n", "h", "w"])


def write(path, about=ABOUT, *, given=PIXELS, answer=1 / 7, shape=(1, 7), outputs=1, kind=np.float32):
    """A file whose answer to n faces does not depend on them: `answer` [1, 7], repeated n times."""
    name, dtype, size = given
    nodes = [
        helper.make_node("Shape", [name], ["count"], start=0, end=1),
        helper.make_node("Concat", ["count", "one"], ["repeats"], axis=0),
        helper.make_node("Tile", ["row", "repeats"], ["probabilities"]),
        *(helper.make_node("Identity", ["row"], [f"more{number}"]) for number in range(1, outputs)),
    ]
    row = np.full(shape, answer, kind) if np.isscalar(answer) else np.array(answer, kind)
    initial = [numpy_helper.from_array(row, "row"), numpy_helper.from_array(np.array([1]), "one")]
    names = ["probabilities", *(f"more{number}" for number in range(1, outputs))]
    out = [helper.make_tensor_value_info(each, helper.np_dtype_to_tensor_dtype(row.dtype), None) for each in names]
    pose = helper.make_tensor_value_info("pose", TensorProto.FLOAT, [2, 3])
    initial.append(numpy_helper.from_array(np.eye(2, 3, dtype=np.float32), "pose"))
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info(name, dtype, size), pose], out, initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    for key, value in about.items():
        model.metadata_props.add(key=key, value=value if isinstance(value, bytes) else json.dumps(value))
    onnx.save(model, path)
    return path


def test_a_sound_file_answers(tmp_path):
    network = Network(write(tmp_path / "a.onnx"))
    assert network.about.name == "small"
    found = network.probabilities({"pixels": np.zeros((130, 48, 48), np.uint8)}, views=3)
    np.testing.assert_allclose(found, np.full((130, 7), 1 / 7), atol=1e-6)
    assert network.probabilities({"pixels": np.zeros((0, 48, 48), np.uint8)}).shape == (0, 7)


def without(key):
    return {name: value for name, value in ABOUT.items() if name != key}


METADATA = [
    *((ABOUT | {key: None}, f"its {key} is not") for key in ABOUT if key not in ("landmarks", "emotions")),
    *((without(key), f"its metadata has no {key}") for key in ABOUT),
    ({}, "its metadata has no name"),
    (ABOUT | {"name": b"not JSON"}, "its name is not written as JSON"),
    (ABOUT | {"name": b"[" * 5000}, "its name is not written as JSON"),
    (ABOUT | {"name": 5}, "its name is not a short text"),
    (ABOUT | {"name": ""}, "its name is not a short text"),
    (ABOUT | {"name": "\x1b[31mred"}, "its name is not a short text"),
    (ABOUT | {"dataset": "x" * 300}, "its dataset is not a short text"),
    (ABOUT | {"size": 0}, "its size is not a number of pixels from 8 to 1024"),
    (ABOUT | {"size": -48}, "its size is not"),
    (ABOUT | {"size": "48"}, "its size is not"),
    (ABOUT | {"size": True}, "its size is not"),
    (ABOUT | {"size": 48.5}, "its size is not"),
    (ABOUT | {"size": 10**9}, "its size is not"),
    (ABOUT | {"weights": "short"}, "its weights is not a SHA-256"),
    (ABOUT | {"precision": "float64"}, "its precision is not one of float32"),
    (ABOUT | {"precision": []}, "its precision is not one of"),
    (ABOUT | {"inputs": []}, "its inputs is not a list of inputs"),
    (ABOUT | {"inputs": "pixels"}, "its inputs is not a list of inputs"),
    (ABOUT | {"inputs": ["smell"]}, "its inputs is not a list of inputs"),
    (ABOUT | {"inputs": [["pixels"]]}, "its inputs is not a list of inputs"),
    (ABOUT | {"inputs": ["pixels", "pixels"]}, "its inputs is not a list of inputs"),
    (ABOUT | {"inputs": ["landmarks"]}, "it needs landmarks and does not say how they are found"),
    (ABOUT | {"inputs": ["landmarks"], "landmarks": {"views": 3}}, "its landmarks can't be used"),
    (ABOUT | {"landmarks": "many"}, "its landmarks is not a mapping"),
    (ABOUT | {"emotions": ABOUT["emotions"][::-1]}, "it answers with other emotions"),
    (ABOUT | {"emotions": None}, "it answers with other emotions"),
]


@pytest.mark.parametrize(("about", "reason"), METADATA)
def test_odd_metadata_is_one_line(tmp_path, about, reason):
    with pytest.raises(FerError) as refused:
        Network(write(tmp_path / "a.onnx", about))
    assert f"a.onnx is no model that this version of fer can use ({reason}" in refused.value.message
    assert "\x1b" not in refused.value.message


GRAPHS = [
    ({"given": ("faces", TensorProto.UINT8, ["n", "h", "w"])}, "it takes faces instead of pixels"),
    ({"given": ("pixels", TensorProto.FLOAT, ["n", "h", "w"])}, "Unexpected input data type"),
    ({"given": ("pixels", TensorProto.UINT8, ["n", 9, 9])}, "Got invalid dimensions"),
    ({"given": ("pixels", TensorProto.UINT8, [1, "h", "w"])}, "Got invalid dimensions"),
    ({"shape": (1, 6)}, "its answer is not 7 probabilities a face"),
    ({"shape": (2, 7)}, "its answer is not 7 probabilities a face"),
    ({"answer": np.nan}, "its answer holds no probabilities"),
    ({"answer": np.inf}, "its answer holds no probabilities"),
    ({"answer": 0.5}, "its answer holds no probabilities"),
    ({"answer": [[2, -1, 0, 0, 0, 0, 0]]}, "its answer holds no probabilities"),
]


@pytest.mark.parametrize(("options", "reason"), GRAPHS)
def test_odd_inputs_and_answers_are_one_line(tmp_path, options, reason, capfd):
    with pytest.raises(FerError) as refused:
        Network(write(tmp_path / "a.onnx", **options))
    assert "a.onnx is no model that this version of fer can use (" in refused.value.message
    assert reason in refused.value.message
    assert capfd.readouterr() == ("", "")  # onnxruntime adds nothing of its own


def test_more_outputs_than_one_do_no_harm(tmp_path):
    network = Network(write(tmp_path / "a.onnx", outputs=3))
    assert network.probabilities({"pixels": np.zeros((2, 48, 48), np.uint8)}).shape == (2, 7)


def test_what_is_no_file_is_a_wrong_call(tmp_path):
    for path in (tmp_path / "gone.onnx", tmp_path):
        with pytest.raises(MissingModel, match="There is no file"):
            Network(path)
    (tmp_path / "none.onnx").write_bytes(b"no network")
    with pytest.raises(FerError, match=r"none\.onnx is no model"):
        Network(tmp_path / "none.onnx")


def test_an_odd_file_in_models_onnx_hinders_nobody(photo):
    photo.parent.joinpath("models/onnx").mkdir(parents=True)
    write("models/onnx/small.onnx", ABOUT | {"size": None})
    assert fer("models").exit_code == 0
    assert fer("predict", photo).exit_code == 0
