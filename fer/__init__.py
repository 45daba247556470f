"""Facial-expression recognition, from FER2013 to four trained and fairly measured models."""

import os
from typing import Any

__version__ = "0.1.0"

# onnxruntime reads this once, when it is imported; without it, it stores a device id and reports to its maker.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> Any:
    if name == "Predictor":  # imported on demand: the pipeline does without it
        from fer.inference.predictor import Predictor

        return Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
