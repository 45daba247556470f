"""A stop that a library drops is raised again, and nothing disturbs what cleans up behind it."""

import contextlib
import signal
import time

import pytest

from fer.stopping import Stopped, acknowledge, raising_on_signals


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr("fer.stopping._AGAIN", 0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_that_is_dropped_comes_again(number):
    def drop():
        for _ in range(3):
            with contextlib.suppress(Stopped):
                signal.raise_signal(number)
        time.sleep(10)

    with raising_on_signals(), pytest.raises(Stopped, match=signal.Signals(number).name):
        drop()


def test_cleaning_up_is_not_disturbed_and_after_the_block_nothing_comes():
    cleaned = []

    @raising_on_signals()
    def stop():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            with contextlib.suppress(FileNotFoundError):
                try:
                    raise FileNotFoundError
                finally:
                    time.sleep(0.1)
            time.sleep(0.1)
            cleaned.append(True)

    with pytest.raises(Stopped):
        stop()
    time.sleep(0.1)
    assert cleaned


def test_whoever_catches_a_stop_can_go_on():
    with raising_on_signals():
        with contextlib.suppress(Stopped):
            signal.raise_signal(signal.SIGINT)
        acknowledge()
        time.sleep(0.1)


def test_handlers_that_a_library_puts_back_do_no_harm():
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}

    @raising_on_signals()
    def stop():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            # As Lightning does when a training ends.
            for number in (signal.SIGALRM, signal.SIGTERM):
                signal.signal(number, handlers[number])
            time.sleep(0.1)

    with pytest.raises(Stopped):
        stop()
    time.sleep(0.1)
