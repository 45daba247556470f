"""`python -m benchmarks.labels`: two runs on the same pictures, each measured by both sets of labels."""

import numpy as np
import pandas as pd
from click.testing import CliRunner

from benchmarks import labels
from fer.emotions import EMOTIONS


def predictions(path, emotions, answers, split="val"):
    """A table of probabilities of pictures 0, 1, ..., in the folders of their labels."""
    table = pd.DataFrame(np.eye(len(EMOTIONS))[[EMOTIONS.index(answer) for answer in answers]], columns=list(EMOTIONS))
    names = [f"{emotion}/Training_{number}" for number, emotion in enumerate(emotions)]
    table.assign(name=names, split=split, emotion=emotions).to_parquet(path)


def test_both_runs_are_measured_by_both_labels_on_the_faces_that_both_have(tmp_path):
    own, voted = tmp_path / "own.parquet", tmp_path / "voted.parquet"
    predictions(own, ["angry", "fear", "happy", "sad"], ["angry", "fear", "happy", "sad"])
    predictions(voted, ["neutral", "fear", "happy"], ["neutral", "sad", "happy"])
    done = CliRunner().invoke(labels.main, [str(own), str(voted)])
    assert done.exit_code == 0, done.output
    count, first, second = done.output.splitlines()
    assert count == "3 faces of val"
    assert first.startswith("trained on FER2013: 100.0% by FER2013, 66.7% by FER+; ")
    assert second.startswith("trained on FER+: 33.3% by FER2013, 66.7% by FER+; ")
    assert "neutral 0.0%" in first
    assert "neutral 100.0%" in second
