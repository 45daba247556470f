"""Ending when somebody asks for it: SIGTERM and SIGINT (Ctrl-C) as an exception with a message."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(BaseException):
    """A signal asked this process to end.

    No `Exception`, so that nothing on its way mistakes it for a failure, and no `KeyboardInterrupt`, which
    Lightning answers with a silent exit of its own.

    Attributes:
        signal: which one.
        kept: what was finished, for the message.
    """

    kept = "nothing was written; the same command begins anew"

    def __init__(self, number: int) -> None:
        self.signal = signal.Signals(number)
        super().__init__(self.signal.name)

    def __str__(self) -> str:
        return f"Stopped by {self.signal.name}: {self.kept}."


def listen() -> None:
    """Let SIGTERM and SIGINT raise `Stopped` in the main thread, whatever handled them before."""
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            signal.signal(number, _stop)


def _stop(number: int, _: FrameType | None) -> None:
    raise Stopped(number)


@contextmanager
def listening() -> Iterator[None]:
    """`listen` for the length of a block, then put back what handled the signals before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    listen()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let SIGTERM and SIGINT wait until the block has ended: for a few renames that belong together."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
