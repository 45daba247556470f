"""SIGTERM and SIGINT (Ctrl-C) as an exception with a message."""

import _thread
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
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


class _Reminder:
    """Raises a stop again until it is acknowledged: a library may drop an exception that comes from a handler.

    A thread and no alarm signal: Lightning puts back the handlers of all signals when a training ends, and an alarm
    without a handler ends the process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: object | None = None  # stands for the stop that is not acknowledged yet
        self._reminds = False

    def start(self, number: int) -> None:
        """Begin to remind of a signal, from its handler."""
        self._pending = stop = object()
        # threading.Thread takes locks in which the signal may have met this very thread.
        _thread.start_new_thread(self._remind, (number, stop))

    def acknowledge(self) -> None:
        """Remind no more; from another thread than the main one, which gets no signals, nothing changes."""
        if threading.current_thread() is threading.main_thread():
            with self._lock:
                self._pending = None

    def consume(self) -> bool:
        """Whether this call of the handler comes from the reminder, and not from a signal; to be asked once a call."""
        reminds, self._reminds = self._reminds, False
        return reminds

    @property
    def is_pending(self) -> bool:
        """Whether a stop has not been acknowledged."""
        return self._pending is not None

    def _remind(self, number: int, stop: object) -> None:
        while True:
            time.sleep(_AGAIN)
            with self._lock:
                if self._pending is not stop:
                    return
                if signal.getsignal(number) is _stop:
                    self._reminds = True
                    _call_handler(number)


def _call_handler(number: int) -> None:
    """Let the main thread run its handler of a signal, from another thread."""
    if hasattr(signal, "pthread_kill"):  # also ends what the main thread waits for
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        _thread.interrupt_main(signal.Signals(number))


_reminder = _Reminder()


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
    _reminder.acknowledge()


def _stop(number: int, _: FrameType | None) -> None:
    if not _reminder.consume():
        _reminder.start(number)
    elif not _reminder.is_pending or _is_stopping():
        return
    raise Stopped(number)


def _is_stopping() -> bool:
    """Whether what runs now is the cleaning up after a `Stopped`."""
    error = sys.exception()
    while error is not None and not isinstance(error, Stopped):
        error = error.__context__
    return error is not None


@contextmanager
def _handled_by(handler: Any) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    _handle(dict.fromkeys(_SIGNALS, handler))
    try:
        yield
    finally:
        try:
            acknowledge()  # the last reminder may come here
        finally:
            _handle(before)


def _handle(handlers: Mapping[signal.Signals, Any]) -> None:
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():
            signal.signal(number, handler)
