"""The names that `fit.py` still uses for `progress_bar.py`."""

from fer.training.progress_bar import report as reporter

__all__ = ["in_terminal", "reporter"]


def in_terminal() -> bool:
    """Whether Lightning shall draw a bar of its own: never."""
    return False
