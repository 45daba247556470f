"""The sections of `params.yaml` that say what is learned from: faces, their split, their landmarks and the graph."""

from typing import Annotated, Literal

from pydantic import Field

from fer import sizes
from fer.config_parts import Section, Seed


class Data(Section):
    """Where the faces come from.

    `fer.data.sets` knows the data sets, and checks that `labels` names one and that its faces have this `size`.
    """

    dataset: Annotated[str, Field(min_length=1)]
    labels: str | None
    size: Annotated[int, Field(ge=32, le=224)]
    seed: Seed
    drawn_faces: Annotated[int, Field(ge=140)]


class Split(Section):
    """How the faces are divided, and what counts as a copy."""

    protocol: Literal["official", "stratified", "combined"]
    val_fraction: Annotated[float, Field(ge=0.01, le=0.5)]
    drop_leaks: bool
    hash_distance: Annotated[int, Field(ge=0, le=16)]
    correlation: Annotated[float, Field(ge=0.5, le=1)]


class LandmarkView(Section):
    """One way of showing a face to the landmark network."""

    border: Annotated[float, Field(ge=sizes.LANDMARK_BORDERS[0], le=sizes.LANDMARK_BORDERS[1])]
    mirrored: bool


class Landmarks(Section):
    """How landmarks are found; `fer.landmarks.views.LandmarkSettings` says what the keys mean."""

    workers: Annotated[int, Field(ge=0)]
    presence: Annotated[float, Field(gt=0, le=1)]
    views: Annotated[list[LandmarkView], Field(min_length=1, max_length=sizes.MAX_LANDMARK_VIEWS)]


class Graphs(Section):
    """Which landmarks are neighbours."""

    edges: Literal["anatomical", "tesselation", "anatomical_knn"]
    neighbours: Annotated[int, Field(ge=1, le=32)]
