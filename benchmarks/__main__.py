"""`python -m benchmarks`, or `make bench`: measure everything, and write results.json and docs/performance.md."""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from benchmarks import machine, page, processes
from benchmarks.measure import TOP
from fer import artifacts, commands, device
from fer.errors import FerError
from fer.stopping import Stopped, raising_on_signals

PARTS = {
    "images": 35,
    "graph": 35,
    "attention": 40,
    "depthwise": 40,
    "landmarks": 45,
    "training": 200,
    "prediction": 75,
    "video": 55,
    "stages": 60,
    "arithmetic": 10,
}
"""Seconds for the repeats of each part; its start and its data come on top."""
APART = ("memory",)
"""Parts that are measured only if they are named, for as long as they take: ten minutes."""
WHOLE = 15 * 60 - 15
"""Seconds for all parts: one that is not ready by then is stopped, and keeps the rows that it has."""


@click.command()
@click.option("--device", "where", default="cpu", show_default=True, type=click.Choice(["cpu", "cuda"]))
@click.option(
    "--only", multiple=True, type=click.Choice([*PARTS, *APART]), help="One part; may be given several times."
)
@click.option(
    "--update", is_flag=True, help="With --only: put these parts into the project's results, beside the others."
)
@click.option("--quick", is_flag=True, help="Tiny sizes and one repeat: tries the code, measures nothing.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the results here alone.")
def main(where: str, only: tuple[str, ...], update: bool, quick: bool, output: Path | None) -> None:
    """Measure the project's speed and memory, always beside the baseline where there is one.

    A whole run measures all parts but `memory`, and writes benchmarks/results.json and the tables of
    docs/performance.md. With --only or --quick nothing is written but what --output names, or, with --update, these
    parts of the two files.
    """
    if update and (not only or quick or output):
        raise click.UsageError("--update needs --only, and neither --quick nor --output")
    try:
        with commands.explain_failures(), raising_on_signals():
            result, failed = measure(where, list(only or PARTS), quick)
            if output is not None:
                artifacts.write_json(output, {where: result})
            elif update or not (only or quick):
                record(where, result, update)
            click.echo(page.machine(result))
            if failed:
                raise FerError(f"These parts failed, all others were measured: {', '.join(failed)}.")
    except Stopped as stopped:
        click.echo(str(stopped), err=True)
        sys.exit(128 + stopped.signal)


def measure(where: str, chosen: list[str], quick: bool) -> tuple[dict[str, Any], list[str]]:
    """Run parts, and print their rows.

    Args:
        where: the device.
        chosen: names of the parts.
        quick: as `Bench` has it.

    Returns:
        What came out, and the names of the parts that failed.

    Raises:
        FerError: the device is not there.
    """
    if where != "cpu":
        device.choose(where)
    here, began, parts = machine.describe(where), time.monotonic(), {}
    for number, name in enumerate(chosen, start=1):
        click.echo(f"[{number}/{len(chosen)}] {name}")
        left = math.inf if name in APART else WHOLE - (time.monotonic() - began)
        parts[name] = run(f"benchmarks.{name}", where, quick, PARTS.get(name, 0), left)
    result = {"machine": here, "seconds": time.monotonic() - began, "parts": parts}
    return result, [name for name, part in parts.items() if part["failed"]]


def record(where: str, result: dict[str, Any], update: bool) -> None:
    """Write the project's results and their page.

    Args:
        where: the device; the results of others stay.
        result: what `measure` returns.
        update: whether the parts that were not measured stay as they are. Without it only those of `APART` do.
    """
    results = page.read()
    earlier = results.get(where, {"parts": {}})
    # A part that was measured by itself says on what.
    if update:
        own = {name: part | {"machine": result["machine"]} for name, part in result["parts"].items()}
        result = {"machine": result["machine"], "seconds": result["seconds"]} | earlier
        result |= {"parts": earlier["parts"] | own}
    else:
        kept = {name: part for name, part in earlier["parts"].items() if name in APART}
        result = result | {"parts": result["parts"] | kept}
    artifacts.write_json(page.RESULTS, results | {where: result})
    page.write()


def run(module: str, where: str, quick: bool, seconds: float, left: float) -> dict[str, Any]:
    """Run a part in a process of its own, and print its rows as they come.

    Args:
        module: has the function `rows`.
        where: the device.
        quick: as `Bench` has it.
        seconds: for its repeats.
        left: seconds after which it is stopped.

    Returns:
        `seconds`; `failed`, why it did not come to its end, or an empty string; and its `rows` as dicts.
    """
    began, rows, failed = time.monotonic(), [], ""
    with TemporaryDirectory() as folder:
        output, log = Path(folder, "rows.jsonl"), Path(folder, "log.txt")
        output.touch()
        command = [sys.executable, "-m", "benchmarks.part", module, str(output), "--device", where]
        command += ["--seconds", str(seconds), *(["--quick"] if quick else [])]
        # Tiny works gain nothing from more threads, which would wait for each other beside other tests.
        environment = os.environ | {"PYTHONPATH": str(TOP)} | ({"OMP_NUM_THREADS": "1"} if quick else {})
        with log.open("wb") as words, output.open(encoding="utf-8") as lines:
            process = subprocess.Popen(
                command, cwd=TOP, env=environment, stdin=subprocess.DEVNULL, stdout=words, stderr=words,
                start_new_session=True,
            )  # fmt: skip
            try:
                running = True
                while running:
                    running = process.poll() is None
                    for line in lines:
                        rows.append(json.loads(line))
                        _show(rows[-1], time.monotonic() - began)
                    if running and time.monotonic() - began > left:
                        failed = "stopped, since the time for all parts was over"
                        break
                    time.sleep(0.2)
            finally:
                processes.end_group(process)
        if process.returncode and not failed:
            failed = processes.last_line(log)
    if failed:
        click.echo(f"    failed: {failed}", err=True)
    return {"seconds": time.monotonic() - began, "failed": failed, "rows": rows}


def _show(row: Mapping[str, Any], seconds: float) -> None:
    click.echo(f"  {seconds:5.0f} s  {row['work']}: {page.shown(row)}")


if __name__ == "__main__":
    main()
