"""`params.yaml` as pydantic models: one section each, every key required, no other key allowed.

There are no defaults here: the file is the only place of the values, this module of their meaning. `Search` says which
values `fer.tune` tries.
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field, model_validator

from fer import config_file, sizes

# Every section of `params.yaml` is found in this module.
from fer.config_data import Data as Data, Graphs as Graphs, Landmarks as Landmarks, Split as Split
from fer.config_parts import (
    AugmentBoth,
    AugmentLandmarks,
    AugmentPixels,
    Count,
    Distill,
    Dropout,
    Layers,
    Optim,
    Phase,
    Recipe,
    Section,
    Seed,
    SoftTargets,
    Width,
)
from fer.search import Search

Kind = TypeVar("Kind", bound=Section)
BEST = "best"  # as evaluate.errors_of: whichever model is the best on val


class Train(Section):
    """Where and how every training runs."""

    seed: Seed
    device: Literal["auto", "cpu", "cuda", "mps"]
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"]
    devices: Count
    nodes: Count
    strategy: Literal["auto", "ddp"]


class Model(SoftTargets):
    """The section of a model.

    Attributes:
        network: the module and the class of its network.
    """

    network: ClassVar[str]

    optim: Optim

    def recipe(self, phase: str) -> Recipe:
        """The settings of one phase of the training.

        Args:
            phase: its name. A model whose training has no phases finds `epochs` and `lr` in its own section.
        """
        chosen: Any = getattr(self, phase, self)
        values = self.optim.model_dump() | self.model_dump(include=set(SoftTargets.model_fields))
        backbone_lr = getattr(chosen, "backbone_lr", chosen.lr)
        distill = getattr(self, "distill", None)
        return Recipe(epochs=chosen.epochs, lr=chosen.lr, backbone_lr=backbone_lr, distill=distill, **values)


class Student(Model):
    """A model that learns from a teacher's answers, beside the labels."""

    distill: Distill


class LandmarkModel(Model, Phase):
    """A model on landmarks."""

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


class ImagePhase(Phase):
    """A training of a pretrained image network, or one phase of it."""

    small_epochs: Annotated[int, Field(ge=0)]


class PartialPhase(ImagePhase):
    """The phase that trains the upper blocks."""

    blocks: Count


class ImageNetwork(Model):
    """A pretrained network on pixels."""

    backbone: Annotated[str, Field(min_length=1)]
    weights: Annotated[str, Field(min_length=1)]
    image_size: Annotated[int, Field(ge=32, le=512)]
    small_size: Annotated[int, Field(ge=32, le=512)]
    hidden: Annotated[Count, Search(choices=(128, 256, 512, 1024))]
    dropout: Dropout
    augment: AugmentPixels


class Cnn(ImageNetwork):
    """The network on pixels that is trained in three phases."""

    network: ClassVar[str] = "fer.models.cnn:FaceCNN"

    head: ImagePhase
    partial: PartialPhase
    full: ImagePhase


class FineTuned(ImageNetwork, ImagePhase):
    """A network on pixels that is trained in one phase."""

    network: ClassVar[str] = "fer.models.cnn:FineTunedCNN"

    backbone_lr: Annotated[float, Field(gt=0), Search(1e-5, 1e-2, log=True)]


class Fusion(Model, Phase):
    """The network on pixels and landmarks."""

    network: ClassVar[str] = "fer.models.fusion:FusionNet"

    backbone_lr: Annotated[float, Field(gt=0), Search(1e-5, 1e-2, log=True)]
    dropout: Dropout
    augment: AugmentBoth


class Tiny(Student, Phase):
    """The small network on pixels."""

    network: ClassVar[str] = "fer.models.tiny:TinyCNN"

    image_size: Annotated[int, Field(ge=32, le=512)]
    widths: Annotated[list[Width], Field(min_length=2), Search(choices=("[16, 32, 64, 128]", "[24, 48, 96, 192]"))]
    blocks: Annotated[Layers, Search(2, 4)]
    dropout: Dropout
    augment: AugmentPixels


class Ensemble(Section):
    """An ensemble: the mean of several models' probabilities."""

    members: Annotated[list[str], Field(min_length=2)]
    weights: Literal["fitted", "uniform"]


class Evaluate(Section):
    """How trained models are measured."""

    tta: Literal["none", "flip", "full"]
    views: Annotated[int, Field(ge=2, le=18)]
    batch_size: Count
    bootstrap: Annotated[int, Field(ge=100, le=100_000)]
    errors_of: str


class Explain(Section):
    """Which models are explained, and by how many faces of each emotion."""

    models: Annotated[list[str], Field(min_length=1)]
    # Git holds the mean picture of these faces, in which no single one may be seen.
    faces: Annotated[int, Field(ge=10)]


class Params(Section):
    """The whole of `params.yaml`.

    The sections that name a network are the models, in the order of every table. Two models may have the same
    kind of section: they differ in their values. So may two ensembles.
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
    efficientnetv2: FineTuned
    fusion: Fusion
    tiny: Tiny
    ensemble: Ensemble
    evaluate: Evaluate
    explain: Explain

    @model_validator(mode="after")
    def _members_and_teachers_are_models(self) -> "Params":
        # Students learn from others, so that nothing goes round in a circle.
        known = [name for name in networks() if name not in students()]
        for name in ensembles():
            members = self.model(name).members
            unknown = [member for member in members if member not in known]
            if unknown:
                raise ValueError(f"{name}.members: {unknown[0]} can't be a member; choose from {', '.join(known)}")
            if len(set(members)) < len(members):
                raise ValueError(f"{name}.members: a model is named twice")
        teachers = [*known, *ensembles()]
        for name in students():
            teacher = self.model(name).distill.teacher
            if teacher not in teachers:
                raise ValueError(f"{name}.distill.teacher: {teacher} can't teach; choose from {', '.join(teachers)}")
        analysed = [BEST, *networks(), *ensembles()]
        if self.evaluate.errors_of not in analysed:
            raise ValueError(f"evaluate.errors_of: {self.evaluate.errors_of} is none of {', '.join(analysed)}")
        strange = [name for name in self.explain.models if name not in networks()]
        if strange:
            raise ValueError(f"explain.models: {strange[0]} is none of {', '.join(networks())}")
        return self

    def model(self, name: str) -> Any:
        """The section of the model or the ensemble `name`."""
        return getattr(self, name)


def networks() -> dict[str, str]:
    """The table of models: where each one's network is, by the name of its section."""
    return {name: kind.network for name, kind in _sections(Model).items()}


def students() -> list[str]:
    """The names of the models that learn from a teacher."""
    return list(_sections(Student))


def ensembles() -> list[str]:
    """The names of the ensembles."""
    return list(_sections(Ensemble))


def _sections(kind: type[Kind]) -> dict[str, type[Kind]]:
    """The sections of a kind by name, in the order of `Params`."""
    found = {name: field.annotation for name, field in Params.model_fields.items()}
    return {name: own for name, own in found.items() if isinstance(own, type) and issubclass(own, kind)}


def load(path: Path | str = "params.yaml") -> Params:
    """Read and check `params.yaml`.

    Raises:
        FerError: the file is missing, is no YAML, or has an unknown key, a missing key or a value out of
            range; the message names every one.
    """
    return config_file.read(path, Params)
