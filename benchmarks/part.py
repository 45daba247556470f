"""One part in a process of its own: `python -m benchmarks.part MODULE OUTPUT` adds its rows to a file, one a line."""

import importlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks import made
from benchmarks.measure import TOP, Bench
from fer import config


@click.command()
@click.argument("module")
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--device", default="cpu")
@click.option("--seconds", default=10.0, help="For the repeats.")
@click.option("--quick", is_flag=True)
def main(module: str, output: Path, device: str, seconds: float, quick: bool) -> None:
    """Measure what MODULE measures, and write each row to OUTPUT as soon as it is there."""
    params = config.load(TOP / "params.yaml")
    here = made.changed(params.train, device=device, devices=1, nodes=1, strategy="auto")
    bench = Bench(device, quick, 0.0 if quick else seconds, made.changed(params, train=here))
    output = output.absolute()
    with TemporaryDirectory() as folder, output.open("a", encoding="utf-8") as file:
        os.chdir(folder)
        try:
            made.write_graph(bench.params)
            made.write_parts(bench.params)
            for row in importlib.import_module(module).rows(bench):
                file.write(json.dumps(asdict(row)) + "\n")
                file.flush()
        finally:
            os.chdir(TOP)


if __name__ == "__main__":
    main()
