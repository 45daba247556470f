"""SIGTERM and SIGINT (Ctrl-C) as an exception with a message."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_POLL = 0.2  # seconds


class Stopped(BaseException):
    """A signal asked this process to end.

    No `Exception`, so that no `except Exception` on its way takes it for a failure, and no `KeyboardInterrupt`, on
    which Lightning ends the process without a message.

    Attributes:
        signal: which one.
        outcome: what the interrupted work leaves behind, for the message.
    """

    outcome = "nothing was written; the same command starts again from the beginning"

    def __init__(self, number: int) -> None:
        self.signal = signal.Signals(number)
        super().__init__(self.signal.name)

    def __str__(self) -> str:
        return f"Stopped by {self.signal.name}: {self.outcome}."


def raise_on_signals() -> None:
    """Let SIGTERM and SIGINT raise `Stopped` in the main thread, whatever handled them before."""
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            signal.signal(number, _stop)


def _stop(number: int, _: FrameType | None) -> None:
    raise Stopped(number)


@contextmanager
def raising_on_signals() -> Iterator[None]:
    """`raise_on_signals` during a block; afterwards the earlier handlers are back."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    raise_on_signals()
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Let SIGTERM and SIGINT wait until the block has ended, where the system can (Windows can't)."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def run_interruptibly(wait: Callable[[], None]) -> None:
    """Call a function in a thread, so that a signal's handler runs while it waits.

    Python runs handlers in the main thread, between two of its own instructions: a wait within a library's C++ code
    there would hold them back until it ends. When a handler raises, the thread is left behind; it ends with the
    process.
    """
    failures: list[BaseException] = []

    def run() -> None:
        try:
            wait()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_POLL)
    if failures:
        raise failures[0]
