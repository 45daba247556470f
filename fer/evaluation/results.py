"""The measured models as a table in the terminal."""

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from fer import artifacts, models
from fer.evaluation.markdown import NONE


def render() -> Table:
    """The table of `metrics/detail/<name>.json`, with the time that each model's training took.

    Raises:
        FerError: a model has not been evaluated.
    """
    table = Table(title="Measured on the test split", box=box.SIMPLE)
    for column in ("model", "parameters", "val", "test", "95 % interval", "training"):
        table.add_column(column, justify="left" if column == "model" else "right", no_wrap=True)
    for name in models.MODELS:
        metrics = artifacts.read_json(f"metrics/detail/{name}.json")
        test = metrics["test"]
        table.add_row(
            name,
            f"{metrics['parameters']:,}",
            f"{metrics['val']['accuracy']:.3f}",
            f"{test['accuracy']:.3f}",
            f"{test['accuracy_low']:.3f} to {test['accuracy_high']:.3f}",
            training_time(name),
        )
    return table


def training_time(name: str) -> str:
    """How long all phases of a model's training took together; a dash where it is not known."""
    files = [Path(f"metrics/times/{models.folder(name, phase)}.json") for phase in models.network(name).phases]
    if not all(file.exists() for file in files):
        return NONE
    return duration(sum(float(artifacts.read_json(file)["seconds"]) for file in files))


def duration(seconds: float) -> str:
    """Seconds as people say them: `38 s`, `43 min`, `1 h 05 min`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


if __name__ == "__main__":
    Console().print(render())
