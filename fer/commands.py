"""How every stage behaves when it is stopped, started twice, or fails for a reason outside of it.

`@stage("split")` makes a click command of a function. The command

- ends with one line and status 128 + n when signal n (SIGTERM, or SIGINT from Ctrl-C) stops it;
- refuses to run beside itself: two processes would write the same files;
- turns a full memory, a full disk and a file that may not be read or written into one line and status 1.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import psutil

from fer import writing
from fer.errors import FerError
from fer.stopping import Stopped, listening

LOCKS, PARTS = Path(".cache/locks"), Path(".cache/parts")


@contextmanager
def exclusive(name: str, what: str) -> Iterator[None]:
    """Make sure that nobody else does the same thing in this folder meanwhile.

    The lock is the operating system's, so it is free again the moment its holder is gone, however it died.

    Args:
        name: of the lock's file.
        what: for the message.

    Raises:
        FerError: somebody does; the message says which process.
    """
    from filelock import FileLock, Timeout

    note = LOCKS / f"{name}.pid"
    try:
        LOCKS.mkdir(parents=True, exist_ok=True)
        lock = FileLock(LOCKS / f"{name}.lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        holder = note.read_text() if note.is_file() else "an unknown process"
        raise FerError(
            f"{what} runs already: {holder}. Wait until it ends, or stop it with `kill`; then run again."
        ) from error
    try:
        note.write_text(f"process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M')}")
        yield
        note.unlink()
    finally:
        lock.release()


def is_first() -> bool:
    """Whether this is the process that speaks and holds the lock: the first of the first machine."""
    ranks = ("LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "RANK", "SLURM_PROCID")
    return all(os.environ.get(name, "0") == "0" for name in ranks)


def _starter() -> psutil.Process | None:
    """The process that started this one; the shell that only carries a command of DVC's (`sh -c`) is not it."""
    try:
        process = psutil.Process().parent()
        while process and "-c" in process.cmdline():
            process = process.parent()
        return process
    except psutil.Error:  # somebody else's process, or gone already
        return None


_started_by = _starter()


def is_orphan() -> bool:
    """Whether the process that started this one is gone: then nobody records the result."""
    if _started_by is None:
        return False
    try:
        return not _started_by.is_running() or _started_by.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def stage(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a click command of a stage's function, as `click.command` does.

    Args:
        name: of the stage.
    """
    return click.command(name=name, cls=_Stage)


class _Stage(click.Command):
    def invoke(self, context: click.Context) -> Any:
        # Arguments count, options do not: the phases of one model's training are no business of two processes.
        values = [context.params[item.name or ""] for item in self.params if isinstance(item, click.Argument)]
        name = [str(self.name), *map(str, values)]
        try:
            with listening():
                if not is_first():
                    return super().invoke(context)
                own = "-".join(name)
                with exclusive(own, f"The stage {' '.join(name)}"), writing.temporary_files_in(PARTS / own):
                    return super().invoke(context)
        except Stopped as stopped:
            _say(str(stopped))
            context.exit(128 + stopped.signal)
        except FerError as error:
            if not is_first():  # the first process says the same
                context.exit(error.exit_code)
            raise
        except MemoryError as error:
            raise FerError(f"The memory is full{_reason(error)}. {_SMALLER}") from error
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            if error.errno in writing.NO_SPACE:
                raise FerError(f"{where}The disk is full. Free some space and run again.") from error
            raise FerError(f"{where}{error.strerror or error}. Put it right and run again.") from error
        except RuntimeError as error:
            if not any(words in str(error) for words in ("can't allocate memory", "out of memory")):
                raise
            raise FerError(f"The memory is full{_reason(error)}. {_SMALLER}") from error


_SMALLER = "Choose a smaller network, batch or set of faces in params.yaml, or free memory; then run again."


def _reason(error: BaseException) -> str:
    words = " ".join(str(error).split())
    return f" ({words[-150:]})" if words else ""


def _say(message: str) -> None:
    """A line of its own on stderr, below whatever a progress bar or the terminal's ^C has left on the last one."""
    if is_first():
        click.echo(("\n" if sys.stderr.isatty() else "") + message, err=True)
