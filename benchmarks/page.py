"""The tables of docs/performance.md from results.json: `python -m benchmarks.page` writes them again."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import TOP
from benchmarks.targets import TARGETS
from fer import artifacts
from fer.errors import FerError

RESULTS, PAGE = TOP / "benchmarks/results.json", TOP / "docs/performance.md"
BEGIN, END = "<!-- written by `make bench`: begin -->", "<!-- written by `make bench`: end -->"
COMMANDS = {"cpu": "make bench", "cuda": "make bench DEVICE=cuda"}
Run = Mapping[str, Any]


def read(path: Path = RESULTS) -> dict[str, Any]:
    """The results by device; empty where nothing has been measured yet.

    Raises:
        FerError: the file is damaged.
    """
    return artifacts.read_json(path) if path.exists() else {}


def write(page: Path = PAGE, results: Path = RESULTS) -> None:
    """Put the tables of some results into the page.

    Raises:
        FerError: the page has no place for them.
    """
    artifacts.write_text(page, filled(page.read_text(encoding="utf-8"), read(results)))


def filled(text: str, results: Mapping[str, Run]) -> str:
    """The page's text with the tables between its two marks; all around them stays.

    Raises:
        FerError: the marks are not there.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise FerError(f"The page has no place for the tables: it needs the lines {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n\n{tables(results)}\n{END}{after}"


def tables(results: Mapping[str, Run]) -> str:
    """The tables of all devices."""
    return "\n".join(part for device in COMMANDS for part in _device(device, results.get(device)))


def _device(device: str, run: Run | None) -> Iterable[str]:
    title = "On a GPU" if device == "cuda" else f"On {run['machine']['cores'] if run else 'the'} CPU cores"
    yield f"### {title}\n"
    if run is None:
        yield f"Not measured yet: `{COMMANDS[device]}`.\n"
        return
    yield f"{machine(run)}\n"
    parts = run["parts"].items()
    rows = {row["key"]: row for _, part in parts for row in part["rows"]}
    yield _table(("work", "target", "measured"), _targets(device, rows))
    yield "Where there is a baseline, the two took turns; the lowest and the highest are in brackets.\n"
    yield _table(("work", "baseline", "ours", "ratio"), _compared(rows.values()))
    yield _table(("work", "measured"), _single(rows.values()))
    yield from (f"`{name}` was measured by itself. {machine(part)}\n" for name, part in parts if "machine" in part)
    failed = [f"- `{name}`: {part['failed']}" for name, part in parts if part["failed"]]
    if failed:
        yield "Failed:\n"
        yield "\n".join(failed) + "\n"


def machine(run: Run) -> str:
    """A line about the machine of a run, or of a part that was measured by itself."""
    here = run["machine"]
    has = [name for name, there in here["instructions"].items() if there] or ["none of these"]
    lacks = [name for name, there in here["instructions"].items() if not there]
    without = f" (not {', '.join(lacks)})" if lacks else ""
    own = ", ".join(f"{name} {version}" for name, version in here["versions"].items())
    gpu = f"{here['gpu']}, " if here["gpu"] else ""
    return (
        f"{gpu}{here['processor']}, {here['cores']} cores, {here['memory_gb']:g} GB, {here['system']}; instructions "
        f"{', '.join(has)}{without}; {own}. Load before the run {here['load']:g}, the run {run['seconds'] / 60:.1f} "
        f"min, commit {here['commit'] or 'unknown'}."
    )


def _targets(device: str, rows: Mapping[str, Run]) -> Iterable[tuple[str, ...]]:
    for target in TARGETS:
        wanted, keys = (target.gpu, target.gpu_keys) if device == "cuda" else (target.cores, target.keys)
        if wanted:
            found = [shown(rows[key]) if key in rows else "not measured" for key in keys]
            yield target.work, wanted, "; ".join(found) or f"not by this command: {target.by_hand}"


def shown(row: Run) -> str:
    """The figure of a row in a few words."""
    if row["missing"]:
        return f"not measured: {row['missing']}"
    ratio = f" ({number(row['ratio']['median'])} x the baseline)" if row["ratio"] else ""
    return f"{number(row['ours']['median'])} {row['unit']}{ratio}"


def _compared(rows: Iterable[Run]) -> Iterable[tuple[str, ...]]:
    for row in rows:
        if row["plain"]:
            ratio = f"**{number(row['ratio']['median'])} x**{_spread(row['ratio'])}"
            yield _work(row), _figure(row["plain"], row["unit"]), _figure(row["ours"], row["unit"]), ratio


def _single(rows: Iterable[Run]) -> Iterable[tuple[str, ...]]:
    for row in rows:
        if not row["plain"]:
            yield _work(row), f"not measured: {row['missing']}" if row["missing"] else _figure(row["ours"], row["unit"])


def _work(row: Run) -> str:
    return f"{row['work']} ({row['note']})" if row["note"] else str(row["work"])


def _figure(figure: Run, unit: str) -> str:
    return f"{number(figure['median'])} {unit}{_spread(figure)}"


def _spread(figure: Run) -> str:
    return f" ({number(figure['low'])} to {number(figure['high'])})" if figure["repeats"] > 1 else ""


def _table(heads: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    every = [heads, ("---",) * len(heads), *lines]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in every) + "\n"


def number(value: float) -> str:
    """Three digits, and thousands with a comma."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


if __name__ == "__main__":
    write()
