"""The README's table says what the committed metrics say."""

import json

import pytest

from fer import models
from fer.evaluation.markdown import percent
from fer.evaluation.original import ORIGINAL


@pytest.mark.parametrize("model", models.MODELS)
def test_a_model_s_row(model, committed):
    metrics = json.loads(committed(f"metrics/detail/{model}.json"))
    test = metrics["test"]
    expected = [
        model,
        f"**{percent(test['accuracy'])}** ({percent(test['accuracy_low'])} to {percent(test['accuracy_high'])})",
        *[percent(metrics[part]["accuracy"]) for part in ("test_single_view", "test_unseen", "test_combined")],
        f"{100 * ORIGINAL[model]:.4g}",
        percent(metrics["val"]["accuracy"]),
        f"{metrics['parameters']:,}",
        str(metrics["epochs"]),
    ]
    rows = [line for line in committed("README.md").splitlines() if line.startswith(f"| {model} |")]
    assert rows == [f"| {' | '.join(expected)} |"]
