"""The parts of `params.yaml`'s sections: numbers with bounds, and the settings that all trainings have in common."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from fer.search import Search

Share = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Count = Annotated[int, Field(ge=1)]
Layers = Annotated[int, Field(ge=1, le=64)]
Width = Annotated[int, Field(ge=1, le=2048)]
Dropout = Annotated[float, Field(ge=0, lt=1), Search(0.0, 0.7)]
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
    loss: Literal["cross_entropy", "focal"]
    focal_gamma: Annotated[float, Field(ge=0, le=10)]
    compile: bool


class SoftTargets(Section):
    """How labels become the targets of the loss."""

    label_smoothing: Annotated[float, Field(ge=0, le=0.5), Search(0.0, 0.2)]
    mixup_alpha: Annotated[float, Field(ge=0, le=10), Search(0.0, 1.0)]


class Distill(Section):
    """How a model learns from a teacher's answers (Hinton et al. 2015)."""

    weight: Share
    temperature: Annotated[float, Field(ge=1, le=20), Search(1.0, 8.0)]
    teacher: str


class Phase(Section):
    """A training, or one phase of a model's training."""

    epochs: Count
    lr: Annotated[float, Field(gt=0), Search(1e-4, 1e-2, log=True)]


class Recipe(Optim, SoftTargets, Phase):
    """All settings of one training, wherever they stand in the model's section.

    Attributes:
        backbone_lr: learning rate of what the network names in `backbones`.
        distill: for a model that learns from a teacher.
    """

    backbone_lr: Annotated[float, Field(gt=0)]
    distill: Distill | None


class LandmarkAugmentation(Section):
    """Augmentation of landmarks, after pose removal."""

    rotation: Annotated[float, Field(ge=0, le=45), Search(0.0, 15.0)]
    jitter: Annotated[float, Field(ge=0, le=0.2), Search(0.0, 0.03)]


class PixelAugmentation(Section):
    """Ranges of the random augmentation of each face."""

    rotation: Annotated[float, Field(ge=0, le=180), Search(0.0, 30.0)]
    translation: Annotated[float, Field(ge=0, le=0.5), Search(0.0, 0.2)]
    scale: Annotated[float, Field(ge=0, le=0.9), Search(0.0, 0.3)]
    brightness: Share
    contrast: Share
    erasing: Annotated[Share, Search(0.0, 0.5)]


class AugmentLandmarks(Section):
    """The augmentation of a model with landmarks as input; a model with two inputs inherits from both."""

    flip: Share
    landmarks: LandmarkAugmentation


class AugmentPixels(Section):
    """The augmentation of a model with pixels as input."""

    flip: Share
    pixels: PixelAugmentation


class AugmentBoth(AugmentPixels, AugmentLandmarks):
    """The augmentation of a model of two inputs."""
