"""The measured models as a table in the terminal: `make results`."""

from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

from fer import artifacts, config, paths
from fer.config_parts import Phase
from fer.evaluation import compare
from fer.evaluation.compare import MeasuredModel
from fer.evaluation.markdown import NONE, interval, number, percent
from fer.progress import duration


def render(measured: list[MeasuredModel]) -> Table:
    """The accuracies of the models, the best on val first, with the time that each one's training took."""
    table = Table(title="Accuracy in percent: choose by val, report test", box=box.SIMPLE)
    for column in ("model", "val", "test (95 % interval)", "parameters", "training"):
        table.add_column(column, justify="left" if column == "model" else "right", no_wrap=True)
    for model in compare.ranking(measured):
        table.add_row(
            model.name,
            percent(model.value("val")),
            interval(model, "test"),
            number(model.count("parameters")),
            training_time(model.name),
        )
    return table


def training_time(name: str) -> str:
    """How long all phases of a model's training took together; a dash where it is not known."""
    files = [paths.TIMES / f"{folder}.json" for folder in trainings(name)]
    if not all(file.exists() for file in files):
        return NONE
    seconds = 0.0
    for file in files:
        with artifacts.validating(file):
            seconds += float(artifacts.read_json(file)["seconds"])
    return duration(seconds)


def trainings(name: str) -> list[str]:
    """The names of a model's trainings, one a phase, as `models.folder` gives them; without torch."""
    section = config.Params.model_fields.get(name)
    fields = getattr(section.annotation, "model_fields", {}) if section else {}
    phases = [key for key, field in fields.items() if _is_phase(field.annotation)]
    return [*(f"{name}_{phase}" for phase in phases[:-1]), name]


def _is_phase(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Phase)


@click.command()
def main() -> None:
    """Print the accuracies of the measured models, on val and on test."""
    Console().print(render(compare.load()))


if __name__ == "__main__":
    main()
