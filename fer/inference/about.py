"""The metadata of an exported model's file, checked."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fer import inputs
from fer.emotions import EMOTIONS
from fer.inference.text import printable

OUTPUTS = ("probabilities", "features", "channel_weights")
"""What a file can answer; the second and third are what class activation maps are made of."""
EXPLAIN = "explain"
"""The input of a file with all outputs that has `channel_weights` computed; false where it is left out."""
PRECISIONS = ("float32", "float16", "int8")
LARGEST_SIZE = 1024
_LONGEST_TEXT = 200


@dataclass(frozen=True)
class About:
    """The metadata of an exported file.

    Attributes:
        name: of the model.
        inputs: names of its inputs, of `fer.inputs.KINDS`.
        weights: SHA-256 of the trained weights.
        precision: of the stored weights: float32, float16 or int8.
        dataset: what it was trained on.
        version: of the project that exported it.
        licence: of the weights.
        size: side in pixels of its training images.
        landmarks: how the landmarks of its inputs are found, a `LandmarkSettings` as a dict; None without landmarks.
        outputs: which of `OUTPUTS` the file says that it has; the first, or all.
    """

    name: str
    inputs: tuple[str, ...]
    weights: str
    precision: str
    dataset: str
    version: str
    licence: str
    size: int
    landmarks: dict[str, Any] | None = None
    outputs: tuple[str, ...] = OUTPUTS[:1]

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> "About":
        """Check the metadata of a file, each value as JSON.

        Raises:
            ValueError: a value is missing, of another type, or unknown to this version of fer.
        """
        needed = [key for key in (*_CHECKS, "emotions") if key in metadata or key not in _DEFAULTS]
        values = _DEFAULTS | {key: _parsed(key, metadata) for key in needed}
        if values.pop("emotions") != list(EMOTIONS):
            raise ValueError("it answers with other emotions, or in another order")
        for key, (valid, expected) in _CHECKS.items():
            if not valid(values[key]):
                raise ValueError(f"its {key} is not {expected}")
        names, outputs = tuple(values["inputs"]), tuple(values["outputs"])
        needs_landmarks = any(inputs.KINDS[name].section == "landmarks" for name in names)
        if needs_landmarks:
            _check_landmarks(values["landmarks"])
        landmarks = values["landmarks"] if needs_landmarks else None
        return cls(**values | {"inputs": names, "outputs": outputs, "landmarks": landmarks})


def _parsed(key: str, metadata: Mapping[str, str]) -> Any:
    if key not in metadata:
        raise ValueError(f"its metadata has no {key}")
    try:
        return json.loads(metadata[key])
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its {key} is not written as JSON") from error


def _check_landmarks(settings: dict[str, Any] | None) -> None:
    from fer.landmarks.views import LandmarkSettings

    if settings is None:
        raise ValueError("it needs landmarks and does not say how they are found")
    try:
        LandmarkSettings.from_dict(settings)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"its landmarks can't be used: {error}") from error


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT and printable(value) == value


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")


def _are_inputs(value: Any) -> bool:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        return False
    return len(set(value)) == len(value) and set(value) <= set(inputs.KINDS)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 8 <= value <= LARGEST_SIZE


_TEXT: tuple[Callable[[Any], bool], str] = (_is_text, "a short text")
_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": _TEXT,
    "inputs": (_are_inputs, f"a list of inputs that this version of fer knows ({', '.join(inputs.KINDS)})"),
    "weights": (_is_hash, "a SHA-256"),
    "precision": (lambda value: value in PRECISIONS, f"one of {', '.join(PRECISIONS)}"),
    "dataset": _TEXT,
    "version": _TEXT,
    "licence": _TEXT,
    "size": (_is_size, f"a number of pixels from 8 to {LARGEST_SIZE}"),
    "landmarks": (lambda value: value is None or isinstance(value, dict), "a mapping"),
    "outputs": (lambda value: value in (list(OUTPUTS[:1]), list(OUTPUTS)), f"[{OUTPUTS[0]}] or [{', '.join(OUTPUTS)}]"),
}
_DEFAULTS = {"outputs": list(OUTPUTS[:1])}  # of what older files do not say
