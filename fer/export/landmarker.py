"""The face landmark network that comes with the package, from MediaPipe's `face_landmarker.task`.

`python -m fer.export.landmarker face_landmarker.task` makes `fer/pretrained/landmarker/face_landmarks.onnx` again. It
is a tool for maintainers, and needs `pip install tf2onnx tensorflow` in an environment of its own, whose Python
--python names. No stage of the pipeline runs it.
"""

import subprocess
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from fer import artifacts, hashing
from fer.errors import FerError
from fer.export import half
from fer.landmarks.network import FILE, SIZE
from fer.sizes import POINTS

MEMBER = "face_landmarks_detector.tflite"
SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
"""Of `face_landmarker.task` as Google publishes it."""


def convert(task: Path, folder: Path, python: str) -> Path:
    """Convert the network inside a `.task` file by tf2onnx; returns the ONNX file in `folder`.

    Raises:
        FerError: the file is another one, or tf2onnx fails.
    """
    if hashing.sha256_of_file(task) != SHA256:
        raise FerError(f"{task} is not the face_landmarker.task that Google publishes (SHA-256 {SHA256}).")
    with zipfile.ZipFile(task) as archive:
        archive.extract(MEMBER, folder)
    path = folder / "converted.onnx"
    command = [python, "-m", "tf2onnx.convert", "--tflite", str(folder / MEMBER), "--output", str(path)]
    done = subprocess.run([*command, "--opset", "18"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise FerError(f"tf2onnx failed ({done.stderr.strip()[-200:]}). Install tf2onnx and tensorflow.")
    return path


def simplify(model: Any) -> None:
    """Make the converted network fast on onnxruntime and easy to call; what it computes stays the same.

    - PReLU(x) = a x + (1 - a) ReLU(x): two depthwise convolutions keep onnxruntime's blocked memory layout, which
      PReLU leaves (10 instead of 23 ms a face on one thread).
    - The pictures are grey, so the first convolution sees one channel instead of three equal ones.
    - Input `images` float32 [n, 256, 256], 0 .. 1; outputs `points` float32 [n, 478, 3] in pixels of the input, and
      `presence` float32 [n], the probability of a face.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    source, transpose = graph.input[0].name, next(node for node in graph.node if node.op_type == "Transpose")
    points, presence = graph.output[0].name, graph.output[1].name

    def constant(name: str, values: np.ndarray) -> str:
        graph.initializer.append(numpy_helper.from_array(values, name))
        return name

    nodes = [helper.make_node("Unsqueeze", [source, constant("channel", np.array([1]))], [transpose.output[0]])]
    for number, node in enumerate(graph.node):
        if node is transpose:
            continue
        if node.input[0] == transpose.output[0] and node.op_type == "Conv":
            weights = numpy_helper.to_array(tensors[node.input[1]]).sum(axis=1, keepdims=True)
            node.input[1] = constant("grey_weights", weights)
        if node.op_type != "PRelu":
            nodes.append(node)
            continue
        slope = numpy_helper.to_array(tensors[node.input[1]]).astype(np.float32).reshape(-1, 1, 1, 1)
        names = [f"prelu{number}_{part}" for part in ("relu", "all", "positive")]
        slopes = constant(f"prelu{number}_slope", slope), constant(f"prelu{number}_rest", 1 - slope)
        options: dict[str, Any] = {"group": len(slope), "kernel_shape": [1, 1]}
        nodes += [
            helper.make_node("Relu", [node.input[0]], [names[0]]),
            helper.make_node("Conv", [node.input[0], slopes[0]], [names[1]], **options),
            helper.make_node("Conv", [names[0], slopes[1]], [names[2]], **options),
            helper.make_node("Add", names[1:], [node.output[0]]),
        ]
    nodes += [
        helper.make_node("Reshape", [points, constant("points_shape", np.array([-1, POINTS, 3]))], ["points"]),
        helper.make_node("Reshape", [presence, constant("presence_shape", np.array([-1]))], ["presence_logit"]),
        helper.make_node("Sigmoid", ["presence_logit"], ["presence"]),
    ]
    for node in nodes:
        node.input[:] = ["images" if name == source else name for name in node.input]
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.input.append(helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", SIZE, SIZE]))
    graph.output.append(helper.make_tensor_value_info("points", TensorProto.FLOAT, ["n", POINTS, 3]))
    graph.output.append(helper.make_tensor_value_info("presence", TensorProto.FLOAT, ["n"]))
    _drop_unused(graph)


def _drop_unused(graph: Any) -> None:
    """Drop nodes and constants that no output needs: the converted network also tells whether the tongue is out."""
    needed = {value.name for value in graph.output}
    nodes = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            nodes.append(node)
            needed |= set(node.input)
    constants = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(nodes))
    graph.initializer.extend(constants)


@click.command()
@click.argument("task", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--python", default="python", help="A Python that has tf2onnx and tensorflow.")
@click.option("--output", type=click.Path(path_type=Path), default=FILE, help="The file to write.")
def main(task: Path, python: str, output: Path) -> None:
    """Convert the landmark network of TASK, MediaPipe's face_landmarker.task, to ONNX with weights in 16 bits."""
    import onnx

    with TemporaryDirectory() as folder:
        model = onnx.load(convert(task, Path(folder), python))
    simplify(model)
    metadata = {
        "name": "MediaPipe Face Landmarker, face_landmarks_detector",
        "paper": "Kartynnik et al. 2019, Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs",
        "from": f"face_landmarker.task, SHA-256 {SHA256}",
        "licence": "Apache-2.0",
    }
    del model.metadata_props[:]
    for key, text in metadata.items():
        model.metadata_props.add(key=key, value=text)
    onnx.checker.check_model(model)
    artifacts.write_bytes(output, model.SerializeToString(deterministic=True))
    error = half.halve(output)
    size = f"{output.stat().st_size / 1e6:.1f} MB, weights rounded by at most {error:.2%} of the largest"
    click.echo(f"{output}: {size}; SHA-256 {hashing.sha256_of_file(output)}")


if __name__ == "__main__":
    main()
