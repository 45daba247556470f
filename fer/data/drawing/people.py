"""Who is drawn and how it is seen: the variation that says nothing about the emotion."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Person:
    """What stays the same whatever a person feels: proportions in pixels, tones 0 .. 255."""

    width: float
    height: float
    jaw: float
    eye_y: float
    eye_x: float
    eye_width: float
    eye_open: float
    brow_gap: float
    brow_slope: float
    brow_weight: float
    nose_y: float
    nose_width: float
    mouth_y: float
    mouth_width: float
    mouth_curve: float
    lips: float
    skin: float
    hair: float
    iris: float
    hairline: float
    parting: float
    hair_length: float
    beard: float
    moustache: bool
    glasses: bool

    @classmethod
    def draw(cls, generator: np.random.Generator) -> "Person":
        """A random person."""
        uniform, normal = generator.uniform, generator.normal
        skin = uniform(110, 225)
        male = generator.random() < 0.5
        bearded = male and generator.random() < 0.3
        return cls(
            width=uniform(13.6, 16.2),
            height=uniform(18.5, 21.5),
            jaw=uniform(0.05, 0.32),
            eye_y=uniform(-5.6, -3.8),
            eye_x=uniform(5.9, 7.1),
            eye_width=uniform(2.6, 3.4),
            eye_open=uniform(1.0, 1.45),
            brow_gap=uniform(3.2, 4.5),
            brow_slope=normal(0, 0.25),
            brow_weight=uniform(0.9, 1.5) if male else uniform(0.6, 1.1),
            nose_y=uniform(3.6, 5.6),
            nose_width=uniform(2.3, 3.5),
            mouth_y=uniform(9.6, 11.4),
            mouth_width=uniform(4.5, 5.9),
            mouth_curve=normal(0, 0.25),
            lips=uniform(0.7, 1.35),
            skin=skin,
            hair=min(uniform(15, 190) if generator.random() < 0.4 else uniform(12, 70), 0.85 * skin),
            iris=uniform(20, 90),
            hairline=uniform(0.58, 0.85),
            parting=normal(0, 0.5),
            hair_length=uniform(-0.2, 0.25) if male else uniform(0.2, 1.3),
            beard=uniform(0.15, 0.6) if bearded else 0.0,
            moustache=bool(bearded and generator.random() < 0.6),
            glasses=bool(generator.random() < 0.07),
        )


@dataclass(frozen=True)
class Viewpoint:
    """Camera, light and film: angles in radians, lengths in pixels."""

    roll: float
    yaw: float
    scale: float
    shift_x: float
    shift_y: float
    light: float
    light_strength: float
    exposure: float
    background: float
    gradient: float
    blur: float
    noise: float

    @classmethod
    def draw(cls, generator: np.random.Generator) -> "Viewpoint":
        """A random viewpoint."""
        uniform, normal = generator.uniform, generator.normal
        return cls(
            roll=float(np.clip(normal(0, 0.11), -0.35, 0.35)),
            yaw=float(np.clip(normal(0, 0.17), -0.45, 0.45)),
            scale=uniform(0.95, 1.22),
            shift_x=normal(0, 1.3),
            shift_y=normal(0, 1.3),
            light=uniform(-np.pi, 0),
            light_strength=uniform(0.1, 0.6),
            exposure=uniform(0.8, 1.15),
            background=uniform(10, 245),
            gradient=normal(0, 30),
            blur=uniform(0, 0.6),
            noise=uniform(1, 5),
        )
