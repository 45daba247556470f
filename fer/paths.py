"""The one place that knows the folders of the pipeline, relative to the project's top folder."""

from pathlib import Path
from typing import Final

DATA: Final = Path("data")
FACES: Final = DATA / "faces"
SPLITS: Final = DATA / "splits.csv"
LANDMARKS: Final = DATA / "landmarks"
GRAPHS: Final = DATA / "graphs"
PREDICTIONS: Final = DATA / "predictions"
SOFT_LABELS: Final = DATA / "soft_labels"

MODELS: Final = Path("models")
ONNX: Final = MODELS / "onnx"

METRICS: Final = Path("metrics")
TEST_METRICS: Final = METRICS / "test"
TIMES: Final = METRICS / "times"
SEEDS: Final = METRICS / "seeds"
EXPERIMENTS: Final = METRICS / "experiments"
FINDINGS: Final = METRICS / "findings"

PLOTS: Final = Path("plots")
CURVES: Final = PLOTS / "curves"
REPORTS: Final = Path("reports")

CACHE: Final = Path(".cache")
"""What the project remembers between runs and DVC does not track; `make clean` deletes it."""
LOCKS: Final = CACHE / "locks"
