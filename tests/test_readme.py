"""The README's table says what the committed metrics say."""

import json

import pytest

from fer.emotions import MODELS
from fer.evaluation.markdown import duration, percent
from fer.evaluation.original import ORIGINAL


@pytest.mark.parametrize("model", MODELS)
def test_a_model_s_row(model, committed):
    metrics = json.loads(committed(f"metrics/{model}.json"))
    test, training = metrics["test"], metrics["training"]
    expected = [
        model,
        f"**{percent(test['accuracy'])}** ({percent(test['accuracy_low'])} to {percent(test['accuracy_high'])})",
        *[percent(metrics[part]["accuracy"]) for part in ("test_single_view", "test_unseen", "test_combined")],
        f"{100 * ORIGINAL[model]:.4g}",
        percent(metrics["val"]["accuracy"]),
        f"{metrics['parameters']:,}",
        f"{training['epochs']} epochs, {duration(training['seconds'])}",
    ]
    rows = [line for line in committed("README.md").splitlines() if line.startswith(f"| {model} |")]
    assert rows == [f"| {' | '.join(expected)} |"]
