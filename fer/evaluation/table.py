"""The measured models as a table in the terminal."""

from rich import box
from rich.console import Console
from rich.table import Table

from fer import artifacts
from fer.emotions import MODELS


def render() -> Table:
    """The table of `metrics/<name>.json`.

    Raises:
        FerError: a model has not been evaluated.
    """
    table = Table(title="Measured on the test split", box=box.SIMPLE)
    for column in ("model", "parameters", "val", "test", "95 % interval", "training"):
        table.add_column(column, justify="left" if column == "model" else "right", no_wrap=True)
    for name in MODELS:
        metrics = artifacts.read_json(f"metrics/{name}.json")
        test = metrics["test"]
        table.add_row(
            name,
            f"{metrics['parameters']:,}",
            f"{metrics['val']['accuracy']:.3f}",
            f"{test['accuracy']:.3f}",
            f"{test['accuracy_low']:.3f} to {test['accuracy_high']:.3f}",
            f"{metrics['training']['seconds']:.0f} s",
        )
    return table


if __name__ == "__main__":
    Console().print(render())
