"""The README's table says what the committed metrics say."""

import json
import re
import shutil
import subprocess

import pytest
from click.testing import CliRunner

from fer import cli, models
from fer.evaluation.markdown import NONE, percent
from fer.evaluation.original import ORIGINAL
from fer.evaluation.spread import Spread
from tests.known_params import TOP


@pytest.mark.parametrize("model", models.MODELS)
def test_a_model_s_row(model, committed):
    metrics = json.loads(committed(f"metrics/test/{model}.json"))
    test = metrics["test"]
    expected = [
        model,
        percent(metrics["val"]["accuracy"]),
        f"**{percent(test['accuracy'])}** ({percent(test['accuracy_low'])} to {percent(test['accuracy_high'])})",
        *[percent(metrics[part]["accuracy"]) for part in ("test_single_view", "test_unseen", "test_combined")],
        f"{100 * ORIGINAL[model]:.4g}" if model in ORIGINAL else NONE,
        f"{metrics['parameters']:,}",
        str(metrics["epochs"]),
    ]
    expected += [cells.get(model, NONE) for cells in spreads(committed) if cells]
    rows = [line for line in committed("README.md").splitlines() if line.startswith(f"| {model} |")]
    assert rows == [f"| {' | '.join(expected)} |"]


def spreads(committed):
    """The cells of the columns `val over seeds` and `test over seeds`, by model; a column without cells is left out."""
    found = {}
    for file in (TOP / "metrics/seeds").glob("*.json"):
        runs = json.loads(committed(f"metrics/seeds/{file.name}"))["runs"]
        found[file.stem] = Spread({int(seed): run for seed, run in runs.items()})
    return [
        {name: text for name, spread in found.items() if (text := spread.text(metric))} for metric in ("val", "test")
    ]


def test_the_photo_of_the_readme(committed, tmp_path, monkeypatch):
    changed = ["git", "status", "--porcelain", "fer/pretrained"]
    if subprocess.run(changed, cwd=TOP, capture_output=True, text=True, check=True).stdout:
        pytest.skip("these are the models of an experiment")
    monkeypatch.chdir(tmp_path)  # without models of one's own training
    shutil.copytree(TOP / "docs/images", "docs/images")
    done = CliRunner().invoke(cli.main, ["predict", "docs/images/astronaut.jpg"])
    assert done.exit_code == 0
    assert f"```\n{done.stdout}{done.stderr}```\n" in committed("README.md")


def test_the_commands_of_the_readme_are_there(committed):
    """Every `make` target and every `fer` command that the README and the docs name."""
    makefile = (TOP / "Makefile").read_text()
    for page in ("README.md", "docs/bulk.md", "docs/pipeline.md", "docs/using.md"):
        text = committed(page)
        for target in set(re.findall(r"(?:^\$ (?:\w+=\S+ )?|`)make (\w+)", text, re.MULTILINE)):
            assert f"\n{target}:" in makefile, (page, target)
        for command in set(re.findall(r"(?:^\$ |`|\| )fer (\w+)", text, re.MULTILINE)):
            assert command in cli.main.commands, (page, command)
