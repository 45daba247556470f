"""Output and exit status of the commands: streams may be closed, full or of any encoding.

Exit status: 0 if all went well, 1 after a problem that is told in one line, 2 for a usage error, 130 after Ctrl-C.
"""

import codecs
import contextlib
import json
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any, TextIO

import click

from fer.errors import install
from fer.stopping import Stopped, raising_on_signals

_ESCAPE = "fer-escape"  # what is done with characters that a stream can't encode
_BASE = ("click", "cv2", "numpy", "onnxruntime", "PIL")  # what `pip install fer` brings
_SCALE = ("fsspec", "pyarrow", "ray")  # what `fer bulk` needs


class Group(click.Group):
    """A group of commands that turns errors into one line on stderr."""

    def main(  # type: ignore[override]  # click's own is overloaded
        self, args: Sequence[str] | None = None, *, standalone_mode: bool = True, **extra: Any
    ) -> Any:
        """Run a command, and exit with its status."""
        if not standalone_mode:
            return super().main(args, standalone_mode=False, **extra)
        _prepare_streams()
        warnings.simplefilter("ignore")  # Pillow's, of odd metadata: nobody can act on them
        sys.exit(self._run(args, extra))

    def _run(self, args: Sequence[str] | None, extra: dict[str, Any]) -> int:
        try:
            with raising_on_signals():
                status = super().main(args, standalone_mode=False, **extra)
                if sys.stdout is not None:
                    sys.stdout.flush()
            return status if isinstance(status, int) else 0
        except Stopped as stopped:
            say("Stopped.")
            return 128 + stopped.signal
        except (click.Abort, KeyboardInterrupt):
            say("Stopped.")
            return 130
        except click.exceptions.NoArgsIsHelpError as error:  # `fer` alone: its message is the help
            say(error.format_message())
            return error.exit_code
        except click.ClickException as error:
            if isinstance(error, click.UsageError) and error.ctx is not None:
                say(error.ctx.get_usage())
                say(f"Try '{error.ctx.command_path} --help' for help.")
            say(f"Error: {error.format_message()}")
            return error.exit_code
        except ModuleNotFoundError as error:
            say(f"Error: {_missing(error)}")
        except MemoryError:
            say("Error: Out of memory. Try a smaller --batch-size or --max-megapixels.")
        except OSError as error:
            where = f"{error.filename}: " if error.filename else "Can't write the output: "
            say(f"Error: {where}{error.strerror or error}.")
            _discard_output()
        return 1


def say(text: str) -> None:
    """Write to stderr, over what a progress bar has left on the last line; control characters become escapes."""
    from fer.inference.text import printable

    line = "\n".join(printable(part) for part in text.splitlines())
    with contextlib.suppress(OSError, ValueError):  # stderr is closed or full: nobody could be told
        click.echo(("\r\x1b[K" if is_terminal(sys.stderr) else "") + line, err=True)


def write(text: str) -> None:
    """Write answers to stdout at once."""
    click.echo(text, nl=False)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal; False if it is closed."""
    return stream is not None and not stream.closed and stream.isatty()


def holds_unicode() -> bool:
    """Whether stdout can hold bars and ellipses."""
    try:
        "█…".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def require_stdout() -> None:
    """Check that answers can be written.

    Raises:
        OSError: stdout is closed.
    """
    if sys.stdout is None or sys.stdout.closed:
        raise OSError("standard output is closed")


def _prepare_streams() -> None:
    """Occupy the file descriptors of closed streams, or the next open file would get them; escape characters that a
    stream can't encode, as JSON does, so that JSON stays valid.
    """
    codecs.register_error(_ESCAPE, lambda error: (_escaped(error), getattr(error, "end", 0)))
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):  # closed, or replaced by something simpler
            stream.reconfigure(errors=_ESCAPE)  # type: ignore[union-attr]


def _escaped(error: UnicodeError) -> str:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1]


def _discard_output() -> None:
    """Redirect stdout to the null device, or Python would report the same error again at exit."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        number = os.open(os.devnull, os.O_WRONLY)
        os.dup2(number, sys.stdout.fileno())
        os.close(number)


def _missing(error: ModuleNotFoundError) -> str:
    name = (error.name or str(error)).split(".")[0]
    if name in _BASE:
        return f"This needs {name}, which is not installed: run `pip install .` in the project's folder."
    return f"This needs {name}, which is not installed: {install('scale' if name in _SCALE else 'evaluate')}."
