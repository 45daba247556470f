"""The networks for landmarks that come with the package: MediaPipe's face detector and its attention mesh.

`python -m fer.export.landmarker` makes `fer/pretrained/landmarker/*.onnx` again from the files in the wheel of
MediaPipe 0.10.21. It is a tool for maintainers, and needs `pip install tflite`. No stage of the pipeline runs it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from fer import artifacts, hashing
from fer.errors import FerError
from fer.export import attention_mesh, half
from fer.export.tflite_file import Builder, join_colours, read, translate
from fer.landmarks import detector, network


def convert_detector(path: Path) -> Any:
    """The network of `face_detection_short_range.tflite` as an ONNX model with weights in float32.

    Input `images` float32 [n, 128, 128], grey, -1 .. 1; outputs `boxes` float32 [n, 896, 16] in pixels of the input
    (offset from the anchor, size, and the offsets of six points), and `scores` float32 [n, 896, 1], logits.
    """
    from onnx import TensorProto, helper

    source, builder = read(path), Builder()
    join_colours(source)
    builder.add("Unsqueeze", "images", builder.constant(np.array([1])), output=source.source)
    translate(source, builder, {})
    for name, output in zip(source.outputs, ("boxes", "scores"), strict=True):
        builder.add("Identity", name, output=output)
    graph = helper.make_graph(
        builder.nodes,
        "face_detector",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", detector.SIZE, detector.SIZE])],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", 896, 16]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 896, 1]),
        ],
        builder.tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


@dataclass(frozen=True)
class Shipped:
    """One of the networks.

    Attributes:
        sha256: of the file of TensorFlow Lite.
        convert: makes the ONNX model.
        path: of the file that comes with the package.
        name, paper: for the file's metadata.
    """

    sha256: str
    convert: Callable[[Path], Any]
    path: Path
    name: str
    paper: str


NETWORKS = {
    "face_detection_short_range.tflite": Shipped(
        "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
        convert_detector,
        detector.FILE,
        "MediaPipe Face Detection, face_detection_short_range",
        "Bazarevsky et al. 2019, BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs",
    ),
    "face_landmark_with_attention.tflite": Shipped(
        "e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4",
        attention_mesh.convert,
        network.FILE,
        "MediaPipe Face Mesh with attention, face_landmark_with_attention",
        "Grishchenko et al. 2020, Attention Mesh: High-fidelity Face Mesh Prediction in Real-time",
    ),
}


@click.command()
@click.argument(
    "paths",
    metavar="FILE.tflite...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
)
@click.option("--folder", type=click.Path(path_type=Path), default=network.FOLDER, help="Where to write.")
def main(paths: tuple[Path, ...], folder: Path) -> None:
    """Convert MediaPipe's face_detection_short_range.tflite or face_landmark_with_attention.tflite to ONNX.

    They lie in mediapipe/modules of the wheel of MediaPipe 0.10.21. The weights are stored in 16 bits.
    """
    import onnx

    for path in paths:
        shipped = NETWORKS.get(path.name)
        if shipped is None or hashing.sha256_of_file(path) != shipped.sha256:
            raise FerError(f"{path} is none of the files of MediaPipe 0.10.21: {', '.join(NETWORKS)}.")
        model = shipped.convert(path)
        metadata = {
            "name": shipped.name,
            "paper": shipped.paper,
            "from": f"{path.name} of MediaPipe 0.10.21, SHA-256 {shipped.sha256}",
            "licence": "Apache-2.0",
        }
        for key, text in metadata.items():
            model.metadata_props.add(key=key, value=text)
        onnx.checker.check_model(model)
        output = folder / shipped.path.name
        artifacts.write_bytes(output, model.SerializeToString(deterministic=True))
        error = half.halve(output)
        size = f"{output.stat().st_size / 1e6:.2f} MB, weights rounded by at most {error:.2%} of the largest"
        click.echo(f"{output}: {size}; SHA-256 {hashing.sha256_of_file(output)}")


if __name__ == "__main__":
    main()
