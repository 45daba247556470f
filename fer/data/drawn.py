"""The embedded data set: drawn faces whose expressions follow the Facial Action Coding System.

It needs no download and no licence, has any size, and is the same for the same seed. Each emotion has the
prototypes of EMFACS (Friesen and Ekman 1983; Ekman, Friesen and Hager 2002, table of predicted prototypes).
What makes it a task rather than a lookup: low intensities, units left out or added, blends of neighbouring
emotions, people whose resting face looks like an emotion, and all the variation of person and viewpoint.
"""

import numpy as np
import pandas as pd

from fer.data.drawing import UNITS, render
from fer.data.drawing.people import Person, Viewpoint
from fer.data.faces import Faces
from fer.emotions import EMOTIONS, USAGES
from fer.sizes import FACE

Units = dict[int, float]

PROTOTYPES: dict[str, tuple[Units, ...]] = {
    "angry": (
        {4: 1.0, 5: 0.6, 7: 0.7, 23: 0.9, 17: 0.4},
        {4: 1.0, 5: 0.5, 7: 0.6, 10: 0.6, 25: 0.8, 26: 0.5},
        {4: 0.9, 7: 0.9, 23: 0.7},
    ),
    "disgust": (
        {9: 1.0, 10: 0.6, 4: 0.3, 6: 0.3},
        {9: 0.8, 10: 0.9, 15: 0.5, 17: 0.6, 7: 0.4},
        {9: 0.9, 10: 0.8, 25: 0.9, 26: 0.2, 7: 0.5},
    ),
    "fear": (
        {1: 1.0, 2: 0.6, 4: 0.6, 5: 0.9, 20: 0.8, 25: 0.8, 26: 0.2},
        {1: 0.9, 2: 0.5, 4: 0.5, 5: 1.0, 20: 1.0, 25: 0.5},
        {1: 0.8, 2: 0.6, 4: 0.5, 5: 0.9, 20: 0.6, 25: 1.0, 26: 0.55},
    ),
    "happy": (
        {6: 0.8, 12: 1.0, 25: 0.8},
        {6: 0.5, 12: 0.8},
        {6: 1.0, 12: 1.0, 25: 1.0, 26: 0.5},
    ),
    "neutral": ({}, {43: 0.25}, {25: 0.4}),
    "sad": (
        {1: 0.9, 4: 0.6, 15: 0.9, 43: 0.35},
        {1: 0.7, 4: 0.4, 15: 0.7, 17: 0.8, 43: 0.3},
        {1: 0.6, 15: 1.0, 17: 0.3, 43: 0.6},
    ),
    "surprise": (
        {1: 1.0, 2: 1.0, 5: 0.7, 25: 0.8, 26: 0.9},
        {1: 0.9, 2: 1.0, 5: 0.5, 26: 0.5, 25: 0.6},
        {1: 0.7, 2: 0.8, 5: 1.0, 25: 1.0, 26: 1.2},
    ),
}

# With which emotion a face is blended: those that people, too, mistake for each other.
NEIGHBOURS: dict[str, tuple[str, ...]] = {
    "angry": ("disgust", "sad", "neutral"),
    "disgust": ("angry", "sad"),
    "fear": ("surprise", "sad"),
    "happy": ("neutral", "surprise"),
    "neutral": ("sad", "happy", "angry"),
    "sad": ("neutral", "fear"),
    "surprise": ("fear", "happy"),
}

BLENDED = 0.25  # share of faces with something of a neighbouring emotion
CARICATURE = 1.5  # at 48 pixels an ordinary expression moves a feature by a pixel or two
TALKING = 0.08  # share of faces whose mouth is open for a reason of its own
COPIES = 0.01  # share of faces that copy an earlier one, as real collections do
CONFLICTING = 0.3  # share of the copies that carry another label
_BLOCK = 10  # of ten faces of an emotion eight are Training, one PublicTest, one PrivateTest


def draw(count: int, seed: int) -> Faces:
    """Draw faces of the seven emotions in turn, 80 / 10 / 10 % Training, PublicTest and PrivateTest.

    Each face depends on the seed and its number alone: a smaller set is the beginning of a larger one.

    Args:
        count: number of faces; from 70 on, every usage has every emotion.
        seed: draws everything.
    """
    images = np.empty((count, FACE, FACE), np.uint8)
    rows = []
    for number in range(count):
        images[number] = _image(number, seed)
        usage = USAGES[max(0, number // len(EMOTIONS) % _BLOCK - (_BLOCK - len(USAGES)))]
        rows.append((f"drawn_{number:05d}", usage, _emotion(number)))
    return Faces(images, pd.DataFrame(rows, columns=["name", "usage", "emotion"]))


def _emotion(number: int) -> str:
    return EMOTIONS[number % len(EMOTIONS)]


def _image(number: int, seed: int) -> np.ndarray:
    """Face `number`, or, rarely, an exact or slightly changed copy of an earlier one."""
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number, 1)))
    rounds = number // len(EMOTIONS)
    if not rounds or generator.random() >= COPIES:
        return _original(number, seed)
    earlier = number - len(EMOTIONS) * int(generator.integers(1, rounds + 1))
    if generator.random() < CONFLICTING:
        earlier += int(generator.integers(1, min(len(EMOTIONS), number - earlier)))
    image = _original(earlier, seed)
    if generator.random() < 0.5:
        return image
    changed = image * generator.uniform(0.85, 1.0) + generator.uniform(0, 12)
    changed += generator.normal(0, 1.5, image.shape)
    return np.clip(np.round(changed), 0, 255).astype(np.uint8)


def _original(number: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number, 0)))
    person, viewpoint = Person.draw(generator), Viewpoint.draw(generator)
    return render(person, expression(_emotion(number), generator), viewpoint, generator)


def expression(emotion: str, generator: np.random.Generator) -> Units:
    """Draw the intensities, 0 .. 1.6, of all action units of one face that shows an emotion."""
    units = dict.fromkeys(UNITS, 0.0)
    strength = CARICATURE * (0.5 + 0.5 * generator.beta(2.5, 1.2))
    share = generator.uniform(0.1, 0.4) if generator.random() < BLENDED else 0.0
    neighbour = str(generator.choice(NEIGHBOURS[emotion]))
    for name, weight in ((emotion, 1 - share), (neighbour, share)):
        prototypes = PROTOTYPES[name]
        for unit, intensity in prototypes[generator.integers(len(prototypes))].items():
            present = generator.random() > 0.1
            units[unit] += strength * weight * intensity * generator.uniform(0.6, 1.2) * present
    for unit in UNITS:
        units[unit] += max(0.0, generator.normal(-0.08, 0.1))
    if generator.random() < TALKING:
        units[25] += generator.uniform(0.2, 0.8)
        units[26] += generator.uniform(0.0, 0.4)
    return {unit: min(value, 1.6) for unit, value in units.items()}
