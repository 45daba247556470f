"""The progress bar of the stages, and how times are written."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def bar(description: str, total: int | None, note: str = "") -> Iterator[Callable[..., None]]:
    """Show a bar on stderr while the block runs, where stderr is a terminal.

    Args:
        description: stands before the bar.
        total: how many steps there are; None if that is not known.
        note: stands behind the count, with fields in braces, such as `{found:.1%} found`.

    Yields:
        The function to call after some steps: `advance(steps=1, **fields)`, where `fields` are those of `note`.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(), TextColumn("left"),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(description, total=total, note="")

        def advance(steps: int = 1, **fields: Any) -> None:
            progress.update(task, advance=steps, note=note.format(**fields) if fields else "")

        yield advance


def duration(seconds: float) -> str:
    """Seconds as people say them: `38 s`, `43 min`, `1 h 05 min`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"
