"""The seven classes: their order is the order of every probability, metric and plot in the project."""

from typing import Final

EMOTIONS: Final = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")

INDEX: Final = {emotion: index for index, emotion in enumerate(EMOTIONS)}

# FER2013's CSV editions number the classes in the order of the original challenge, which is not ours.
CHALLENGE_ORDER: Final = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

# Okabe and Ito's palette (2008), distinguishable with the common forms of colour blindness.
COLORS: Final = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "happy": "#E69F00",
    "neutral": "#7F7F7F",
    "sad": "#0072B2",
    "surprise": "#56B4E9",
}

USAGES: Final = ("Training", "PublicTest", "PrivateTest")
SPLITS: Final = ("train", "val", "test")
