"""`params.yaml` as pydantic models: one section each, every key required, no other key allowed.

There are no defaults here: the file is the only place of the values, this module of their meaning. `Search` says which
values `fer.tune` tries.
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from fer import config_file, sizes
from fer.search import Search

Share = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0), Search(1e-4, 1e-2, log=True)]
Dropout = Annotated[float, Field(ge=0, lt=1), Search(0.0, 0.7)]
Smoothing = Annotated[float, Field(ge=0, le=0.5), Search(0.0, 0.2)]
Mixup = Annotated[float, Field(ge=0, le=10), Search(0.0, 1.0)]
Layers = Annotated[int, Field(ge=1, le=64)]
Width = Annotated[int, Field(ge=1, le=2048)]
NotNegative = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """A section of `params.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise ValueError("true and false are no numbers")  # pydantic would take them for 1 and 0
        return value


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

    scale: Annotated[float, Field(ge=sizes.REGION_SCALES[0], le=sizes.REGION_SCALES[1])]
    mirrored: bool


class Landmarks(Section):
    """How landmarks are found; `fer.landmarks.views.LandmarkSettings` says what the keys mean."""

    workers: Annotated[int, Field(ge=0)]
    presence: Share
    views: Annotated[list[LandmarkView], Field(min_length=1, max_length=sizes.MAX_LANDMARK_VIEWS)]


class Graphs(Section):
    """Which landmarks are neighbours."""

    edges: Literal["anatomical", "tesselation", "anatomical_knn"]
    neighbours: Annotated[int, Field(ge=1, le=32)]


class Train(Section):
    """Where and how every training runs."""

    seed: Seed
    device: Literal["auto", "cpu", "cuda", "mps"]
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"]
    devices: Count
    nodes: Count
    strategy: Literal["auto", "ddp"]


class Optim(Section):
    """How every training optimises; the keys that people vary most stand beside this section."""

    batch_size: Annotated[int, Field(ge=2), Search(choices=(16, 32, 64, 128, 256))]
    weight_decay: Annotated[NotNegative, Search(1e-4, 0.3, log=True)]
    schedule: Literal["cosine", "warm_restarts", "constant"]
    restart_epochs: Count
    warmup: Annotated[float, Field(ge=0, le=0.9)]
    ema: Annotated[float, Field(ge=0, lt=1), Search(choices=(0.0, 0.99, 0.995, 0.998, 0.999))]
    patience: Annotated[int, Field(ge=0)]
    class_weights: Share
    grad_clip: NotNegative


class Recipe(Optim):
    """All that one training needs: what `Optim` holds, and the keys that stand beside it."""

    label_smoothing: Smoothing
    mixup_alpha: Mixup
    epochs: Count
    lr: Rate


class LandmarkAugmentation(Section):
    """How landmarks are varied, after the pose has been removed."""

    rotation: Annotated[float, Field(ge=0, le=45), Search(0.0, 15.0)]
    jitter: Annotated[float, Field(ge=0, le=0.2), Search(0.0, 0.03)]


class PixelAugmentation(Section):
    """The ranges from which each face's own variation is drawn."""

    rotation: Annotated[float, Field(ge=0, le=180), Search(0.0, 30.0)]
    translation: Annotated[float, Field(ge=0, le=0.5), Search(0.0, 0.2)]
    scale: Annotated[float, Field(ge=0, le=0.9), Search(0.0, 0.3)]
    brightness: Share
    contrast: Share
    erasing: Annotated[Share, Search(0.0, 0.5)]


class AugmentLandmarks(Section):
    """The augmentation of a model that sees landmarks; a model of two inputs inherits from both."""

    flip: Share
    landmarks: LandmarkAugmentation


class AugmentPixels(Section):
    """The augmentation of a model that sees pixels."""

    flip: Share
    pixels: PixelAugmentation


class Model(Section):
    """The section of a model.

    Attributes:
        network: the module and the class of its network.
    """

    network: ClassVar[str]

    label_smoothing: Smoothing
    mixup_alpha: Mixup
    optim: Optim

    def recipe(self, phase: str) -> Recipe:
        """The settings of one phase of the training.

        Args:
            phase: its name. A model whose training has no phases finds `epochs` and `lr` in its own section.
        """
        chosen: Any = getattr(self, phase, self)
        values = self.optim.model_dump()
        values |= {name: getattr(self, name) for name in ("label_smoothing", "mixup_alpha")}
        return Recipe(epochs=chosen.epochs, lr=chosen.lr, **values)


class LandmarkModel(Model):
    """A model on landmarks."""

    epochs: Count
    lr: Rate
    dropout: Dropout
    augment: AugmentLandmarks


class Mlp(LandmarkModel):
    """The perceptron."""

    network: ClassVar[str] = "fer.models.mlp:LandmarkMLP"

    hidden: Annotated[
        list[Count],
        Field(min_length=1),
        Search(choices=("[256, 128]", "[512, 256]", "[1024, 512]", "[512, 512, 256]")),
    ]


class Transformer(LandmarkModel):
    """The FT-Transformer."""

    network: ClassVar[str] = "fer.models.ft_transformer:FTTransformer"

    layers: Annotated[Layers, Search(2, 6)]
    heads: Count
    width: Annotated[Width, Search(choices=(64, 96, 128, 192))]
    token_dropout: Annotated[float, Field(ge=0, lt=1), Search(0.0, 0.9)]
    neighbours: Annotated[list[Annotated[int, Field(ge=2, le=sizes.POINTS)]], Field(max_length=8)]

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "Transformer":
        if self.width % self.heads:
            raise ValueError(f"width ({self.width}) must be a multiple of heads ({self.heads})")
        return self


class Gnn(LandmarkModel):
    """The graph network."""

    network: ClassVar[str] = "fer.models.gnn:LandmarkGNN"

    layers: Annotated[Layers, Search(2, 8)]
    width: Annotated[Width, Search(choices=(64, 96, 128, 192, 256))]


class Phase(Section):
    """One phase of the CNN's training."""

    epochs: Count
    lr: Rate


class PartialPhase(Phase):
    """The phase that trains the upper blocks."""

    blocks: Count


class Cnn(Model):
    """The network on pixels."""

    network: ClassVar[str] = "fer.models.cnn:FaceCNN"

    backbone: Annotated[str, Field(min_length=1)]
    weights: Annotated[str, Field(min_length=1)]
    image_size: Annotated[int, Field(ge=32, le=512)]
    hidden: Annotated[Count, Search(choices=(128, 256, 512, 1024))]
    dropout: Dropout
    augment: AugmentPixels
    head: Phase
    partial: PartialPhase
    full: Phase


class Evaluate(Section):
    """How trained models are measured."""

    tta: Literal["none", "flip", "full"]
    views: Annotated[int, Field(ge=2, le=18)]
    batch_size: Count
    bootstrap: Annotated[int, Field(ge=100, le=100_000)]


class Params(Section):
    """The whole of `params.yaml`.

    The sections that name a network are the models, in the order of every table. Two models may have the same
    kind of section: they differ in their values.
    """

    data: Data
    split: Split
    landmarks: Landmarks
    graphs: Graphs
    train: Train
    mlp: Mlp
    transformer: Transformer
    gnn: Gnn
    cnn: Cnn
    evaluate: Evaluate

    def model(self, name: str) -> Any:
        """The section of the model `name`."""
        return getattr(self, name)


def networks() -> dict[str, str]:
    """The table of models: where each one's network is, by the name of its section."""
    kinds = {name: field.annotation for name, field in Params.model_fields.items()}
    return {name: kind.network for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, Model)}


def load(path: Path | str = "params.yaml") -> Params:
    """Read and check `params.yaml`.

    Raises:
        FerError: the file is missing, is no YAML, or has an unknown key, a missing key or a value out of
            range; the message names every one.
    """
    return config_file.read(path, Params)
