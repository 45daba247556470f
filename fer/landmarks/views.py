"""How the landmarks of a face are found: the settings `landmarks` of `params.yaml`, without pydantic.

Prediction reads them from an exported file, so this module needs the standard library alone.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fer.sizes import LANDMARK_BORDERS, MAX_LANDMARK_VIEWS


@dataclass(frozen=True)
class LandmarkView:
    """One way of showing a face to the detector and the landmark network.

    Attributes:
        border: how much of the face's edge is repeated around it for the detector, in sides of the face.
        mirrored: whether the networks see the mirror image; its points are mirrored back.
    """

    border: float
    mirrored: bool


@dataclass(frozen=True)
class LandmarkSettings:
    """What decides the landmarks of a face.

    Attributes:
        presence: the probability of a face, by the landmark network, from which on it counts as found, 0 .. 1.
        views: what the network finds in these is averaged.
    """

    presence: float
    views: tuple[LandmarkView, ...]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "LandmarkSettings":
        """Check and take over what `as_dict` gave.

        Raises:
            ValueError: a value is missing, unknown, of another type or out of range.
        """
        if not isinstance(values, Mapping) or set(values) != {"presence", "views"}:
            raise ValueError("landmark settings must be a mapping of presence and views")
        presence, views = values["presence"], values["views"]
        if not _number(presence) or not 0 <= presence <= 1:
            raise ValueError(f"presence must be a number from 0 to 1: {presence!r}")
        if not isinstance(views, list | tuple) or not 1 <= len(views) <= MAX_LANDMARK_VIEWS:
            raise ValueError(f"views must be a list of 1 to {MAX_LANDMARK_VIEWS}")
        return cls(float(presence), tuple(map(_view, views)))

    def as_dict(self) -> dict[str, Any]:
        """The settings as JSON can hold them."""
        return asdict(self) | {"views": [asdict(view) for view in self.views]}


def _view(values: Any) -> LandmarkView:
    if not isinstance(values, Mapping) or set(values) != {"border", "mirrored"}:
        raise ValueError(f"a view must be a mapping of border and mirrored: {values!r}")
    border, mirrored = values["border"], values["mirrored"]
    least, most = LANDMARK_BORDERS
    if not _number(border) or not least <= border <= most or not isinstance(mirrored, bool):
        raise ValueError(f"a view's border must be a number from {least:g} to {most:g}, and mirrored true or false")
    return LandmarkView(float(border), mirrored)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
