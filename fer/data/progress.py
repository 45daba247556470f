"""The progress bar of the data stages."""

import contextlib
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def bar(description: str, total: int | None) -> Iterator[Callable[[], None]]:
    """Show a bar on stderr while the block runs; yields the function to call after each face."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(description, total=total)
        yield lambda: progress.advance(task)
