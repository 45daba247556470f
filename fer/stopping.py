"""SIGTERM and SIGINT (Ctrl-C) as an exception with a message."""

import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_AGAIN = 0.5  # seconds


class Stopped(BaseException):
    """A signal asked this process to end.

    Not an `Exception`, so that no `except Exception` catches it, and not a `KeyboardInterrupt`, on which Lightning
    ends the process without a message.

    Attributes:
        signal: which one.
        outcome: what was saved, for the message.
    """

    outcome = "nothing was written; the same command starts again from the beginning"

    def __init__(self, number: int) -> None:
        self.signal = signal.Signals(number)
        super().__init__(self.signal.name)

    def __str__(self) -> str:
        return f"Stopped by {self.signal.name}: {self.outcome}."


def raise_on_signals() -> None:
    """Let SIGTERM and SIGINT raise `Stopped` in the main thread, whatever handled them before."""
    _handle(dict.fromkeys(_SIGNALS, _stop))


def raising_on_signals() -> AbstractContextManager[None]:
    """`raise_on_signals` during a block; afterwards the earlier handlers are back."""
    return _handled_by(_stop)


def ending_on_signals() -> AbstractContextManager[None]:
    """Let SIGTERM and SIGINT end the process at once during a block that waits within a library's C++ code.

    Python runs handlers in the main thread, between two of its own instructions, so there they would wait as well.
    """
    return _handled_by(signal.SIG_DFL)


def acknowledge() -> None:
    """Raise a caught `Stopped` no more: for code that goes on after it, within `raising_on_signals`."""
    if _repeats():
        _set_alarm(0.0, signal.SIG_IGN)


def _stop(number: int, _: FrameType | None) -> None:
    # A library may drop an exception that comes from a handler, and work on: then it comes again.
    _set_alarm(_AGAIN, partial(_stop_again, number))
    raise Stopped(number)


def _stop_again(number: int, *_: Any) -> None:
    if not _is_stopping():
        raise Stopped(number)


def _repeats() -> bool:
    """Whether the alarm is that of `_stop`, and not one of a program that uses this package."""
    handler = signal.getsignal(signal.SIGALRM) if hasattr(signal, "SIGALRM") else None
    return isinstance(handler, partial) and handler.func is _stop_again


def _is_stopping() -> bool:
    """Whether what runs now is the cleaning up after a `Stopped`."""
    error = sys.exception()
    while error is not None and not isinstance(error, Stopped):
        error = error.__context__
    return error is not None


def _set_alarm(seconds: float, handler: Any) -> None:
    """Call a handler every so many seconds, 0 for no more; does nothing on Windows, which has no such clock."""
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)


@contextmanager
def _handled_by(handler: Any) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    _handle(dict.fromkeys(_SIGNALS, handler))
    try:
        yield
    finally:
        acknowledge()
        _handle(before)


def _handle(handlers: Mapping[signal.Signals, Any]) -> None:
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():
            signal.signal(number, handler)
