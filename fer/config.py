"""`params.yaml` as pydantic models: one section each, every key required, no other key allowed.

There are no defaults here: the file is the only place of the values, this module of their meaning.
"""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fer.errors import FerError

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """A section of `params.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Data(Section):
    """Where the faces come from."""

    dataset: Annotated[str, Field(min_length=1)]
    seed: Annotated[int, Field(ge=0)]
    drawn_faces: Annotated[int, Field(ge=140)]


class Split(Section):
    """How the faces are divided, and what counts as a copy."""

    protocol: Literal["official", "stratified", "combined"]
    val_fraction: Annotated[float, Field(ge=0.01, le=0.5)]
    drop_leaks: bool
    hash_distance: Annotated[int, Field(ge=0, le=16)]
    correlation: Annotated[float, Field(ge=0.5, le=1)]


class Landmarks(Section):
    """How MediaPipe's Face Mesh is run."""

    workers: Annotated[int, Field(ge=0)]
    size: Annotated[int, Field(ge=96, le=512)]
    confidence: Share
    borders: Annotated[list[Share], Field(min_length=1, max_length=8)]


class Graphs(Section):
    """Which landmarks are neighbours."""

    edges: Literal["anatomical", "tesselation", "anatomical_knn"]
    neighbours: Annotated[int, Field(ge=1, le=32)]


class Train(Section):
    """Where and how every training runs."""

    seed: Annotated[int, Field(ge=0)]
    device: Literal["auto", "cpu", "cuda", "mps"]
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"]
    devices: Count
    nodes: Count
    strategy: Annotated[str, Field(min_length=1)]


class Optimisation(Section):
    """What every training needs beside its epochs and learning rate."""

    batch_size: Annotated[int, Field(ge=2)]
    weight_decay: NotNegative
    label_smoothing: Annotated[float, Field(ge=0, le=0.5)]
    mixup_alpha: Annotated[float, Field(ge=0, le=10)]
    schedule: Literal["cosine", "warm_restarts", "constant"]
    restart_epochs: Count
    warmup: Annotated[float, Field(ge=0, le=0.9)]
    ema: Annotated[float, Field(ge=0, lt=1)]
    patience: Annotated[int, Field(ge=0)]
    class_weights: Share
    grad_clip: NotNegative


class Recipe(Optimisation):
    """All that one training needs."""

    epochs: Count
    lr: Positive


class LandmarkModel(Recipe):
    """A model on landmarks, with their augmentation."""

    dropout: Annotated[float, Field(ge=0, lt=1)]
    flip: Share
    rotation: Annotated[float, Field(ge=0, le=45)]
    jitter: Annotated[float, Field(ge=0, le=0.2)]


class Classifier(LandmarkModel):
    """The perceptron."""

    hidden: Annotated[list[Count], Field(min_length=1)]


class Transformer(LandmarkModel):
    """The FT-Transformer."""

    layers: Count
    heads: Count
    width: Count
    token_dropout: Annotated[float, Field(ge=0, lt=1)]
    neighbours: Annotated[list[Annotated[int, Field(ge=2, le=478)]], Field(max_length=8)]

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "Transformer":
        if self.width % self.heads:
            raise ValueError(f"width ({self.width}) must be a multiple of heads ({self.heads})")
        return self


class Gnn(LandmarkModel):
    """The graph network."""

    layers: Count
    width: Count


class ImageAugmentation(Section):
    """Ranges from which each face's own augmentation is drawn."""

    flip: Share
    rotation: Annotated[float, Field(ge=0, le=180)]
    translation: Annotated[float, Field(ge=0, le=0.5)]
    scale: Annotated[float, Field(ge=0, le=0.9)]
    brightness: Share
    contrast: Share
    erasing: Share


class Phase(Section):
    """One phase of the CNN's training."""

    epochs: Count
    lr: Positive


class PartialPhase(Phase):
    """The phase that trains the upper blocks."""

    blocks: Count


class Cnn(Optimisation):
    """The network on pixels."""

    backbone: Annotated[str, Field(min_length=1)]
    weights: Annotated[str, Field(min_length=1)]
    image_size: Annotated[int, Field(ge=32, le=512)]
    hidden: Count
    dropout: Annotated[float, Field(ge=0, lt=1)]
    augment: ImageAugmentation
    head: Phase
    partial: PartialPhase
    full: Phase

    def recipe(self, phase: str) -> Recipe:
        """The settings of one phase (head, partial or full)."""
        chosen: Phase = getattr(self, phase)
        shared = {name: getattr(self, name) for name in Optimisation.model_fields}
        return Recipe(epochs=chosen.epochs, lr=chosen.lr, **shared)


class Evaluate(Section):
    """How trained models are measured."""

    tta: Literal["none", "flip", "full"]
    views: Annotated[int, Field(ge=2, le=18)]
    batch_size: Count
    bootstrap: Annotated[int, Field(ge=100)]


class Params(Section):
    """The whole of `params.yaml`."""

    data: Data
    split: Split
    landmarks: Landmarks
    graphs: Graphs
    train: Train
    classifier: Classifier
    transformer: Transformer
    gnn: Gnn
    cnn: Cnn
    evaluate: Evaluate


def load(path: Path | str = "params.yaml") -> Params:
    """Read and check `params.yaml`.

    Raises:
        FerError: the file is missing, is no YAML, or has an unknown key, a missing key or a value out of
            range; the message names every one.
    """
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FerError(f"{path} is missing. Run this in the project's top folder.") from error
    except yaml.YAMLError as error:
        raise FerError(f"{path} is no valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise FerError(f"{path} must hold sections such as `data:` and `train:`.")
    try:
        return Params(**content)
    except ValidationError as error:
        raise FerError(f"{path}: {_explain(error)}") from error


def _explain(error: ValidationError) -> str:
    problems = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            problems.append(f"{key} is not a known key")
        elif item["type"] == "missing":
            problems.append(f"{key} is missing")
        else:
            problems.append(f"{key} = {item['input']!r}: {item['msg']}" if key else str(item["msg"]))
    return "; ".join(problems)
