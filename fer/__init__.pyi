# What type checkers of other projects see: `Predictor` is imported on demand, which they can't follow.
from fer.inference.predictor import Predictor as Predictor

__version__: str
