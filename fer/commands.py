"""How every stage behaves when it is stopped, started twice, or fails for a reason outside the program.

`@stage("split")` makes a click command of a function. The command

- ends with one line and status 128 + n when signal n (SIGTERM, or SIGINT from Ctrl-C) stops it;
- turns a full memory, a full disk, a file that may not be read or written and a package that is not installed into
  one line and status 1;
- refuses to start while the same stage runs in the same folder: two processes would write the same files.

`@long_command("seeds")` does the same but for the last: the command takes its locks itself.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import psutil

from fer import paths, stage_times, writing
from fer.errors import FerError, not_installed
from fer.stopping import Stopped, raising_on_signals

TEMPORARY = paths.CACHE / "temporary"
_MEMORY_FULL = ("can't allocate memory", "out of memory")


class Busy(FerError):
    """Another process does the same thing in the same folder."""


@contextmanager
def exclusive(name: str, what: str) -> Iterator[None]:
    """Hold a lock during the block, so that two processes in this folder can't do the same thing at once.

    The operating system frees the lock when its holder ends, for whatever reason.

    Args:
        name: of the lock's file.
        what: for the message.

    Raises:
        Busy: another process holds it; the message says which one.
        FerError: the lock's file can't be written.
    """
    from filelock import FileLock, Timeout

    holder = paths.LOCKS / f"{name}.pid"
    paths.LOCKS.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(paths.LOCKS / f"{name}.lock", timeout=0):
            holder.write_text(f"process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M')}")
            yield
            holder.unlink()
    except Timeout as error:
        running = holder.read_text() if holder.is_file() else "an unknown process"
        raise Busy(
            f"{what} is already running: {running}. Wait until it ends, or stop it with `kill`; then run again."
        ) from error


def is_first() -> bool:
    """Whether this is the first process of the first machine: the one that prints and that holds the lock."""
    ranks = ("LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "RANK", "SLURM_PROCID")
    return all(os.environ.get(name, "0") == "0" for name in ranks)


def _parent() -> psutil.Process | None:
    """The process that started this one, past the shells (`sh -c`) in which DVC runs its commands."""
    with contextlib.suppress(psutil.Error):  # it is another user's process, or has just ended
        return next((process for process in psutil.Process().parents() if "-c" not in process.cmdline()), None)
    return None


_started_by = _parent()


def records_itself() -> None:
    """Say that nobody has to wait for this process: it records its own results, so it is never an orphan."""
    global _started_by
    _started_by = None


def is_orphan() -> bool:
    """Whether the process that started this one is gone: then nobody records the result."""
    return _started_by is not None and _parent() != _started_by


def stage(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a click command of a stage's function, as `click.command` does.

    Args:
        name: of the stage.
    """
    return click.command(name=name, cls=_Stage)


def long_command(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a click command of a function that works for long and takes its locks itself.

    Args:
        name: of the command.
    """
    return click.command(name=name, cls=_Long)


class _Long(click.Command):
    def invoke(self, context: click.Context) -> Any:
        try:
            with raising_on_signals(), explain_failures():
                return self.work(context)
        except Stopped as stopped:
            if is_first():
                # On a new line, since a progress bar or the terminal's ^C may have left the last one unfinished.
                click.echo(("\n" if sys.stderr.isatty() else "") + str(stopped), err=True)
            context.exit(128 + stopped.signal)
        except FerError as error:
            if not is_first():  # the first process says the same
                context.exit(error.exit_code)
            raise

    def work(self, context: click.Context) -> Any:
        """What is done while signals are exceptions."""
        return super().invoke(context)


class _Stage(_Long):
    def work(self, context: click.Context) -> Any:
        if not is_first():
            return super().work(context)
        # The lock is named by arguments, not by options: two phases of one training must not run at once.
        values = [context.params[item.name or ""] for item in self.params if isinstance(item, click.Argument)]
        words = [str(self.name), *map(str, values)]
        own = "-".join(words)
        with exclusive(own, f"The stage {' '.join(words)}"), writing.temporary_files_in(TEMPORARY / own):
            result = super().work(context)
            stage_times.record()
            return result


@contextmanager
def explain_failures() -> Iterator[None]:
    """Turn missing packages, a full disk or memory, and unreadable files into one line that says what to do."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise FerError(not_installed(error)) from error
    except BrokenPipeError:  # the reader of the output has seen enough: click ends without a word
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        if error.errno in writing.NO_SPACE:
            raise FerError(f"{where}The disk is full. Free some space and run again.") from error
        raise FerError(f"{where}{error.strerror or error}. Put it right and run again.") from error
    except (MemoryError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        if not isinstance(error, MemoryError) and not any(words in reason for words in _MEMORY_FULL):
            raise
        raise FerError(
            f"The memory is full{f' ({reason[-150:]})' if reason else ''}. Choose a smaller network, batch or set of "
            "faces in params.yaml, or free memory; then run again."
        ) from error
