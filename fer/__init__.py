"""Facial-expression recognition, from FER2013 to four trained and fairly measured models."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "Predictor":  # imported when it is asked for: most of the project does without it
        from fer.inference.predictor import Predictor

        return Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
