"""Set the models beside each other: the report, its numbers and its pictures."""

from pathlib import Path

import click

from fer import artifacts, check, commands, writing
from fer.evaluation import compare, figures, markdown, plot_tables


@commands.stage("compare")
def main() -> None:
    """Compare the models that the evaluate stages have measured.

    \b
    Reads   metrics/detail/, plots/confusion/, plots/reliability/ and data/splits.csv
    Writes  reports/comparison.md           the comparison as a page
            metrics/comparison.json         ranks, differences, p-values
            plots/comparison/accuracy.png   and the tables of recall and reliability, for DVC's plots
    """  # noqa: D301  click needs the backspace itself
    params = check.params()
    results = compare.load()
    table = artifacts.read_table("data/splits.csv")
    with artifacts.validating("data/splits.csv"):
        groups = table["duplicate_group"].to_numpy()
    pairs = compare.paired(results, groups, params.evaluate.bootstrap)
    page = markdown.page(results, pairs, params.data.dataset, params.split.protocol)
    folder = Path("plots/comparison")
    with writing.transaction():
        artifacts.write_json("metrics/comparison.json", compare.summary(results, pairs))
        artifacts.write_text("reports/comparison.md", page)
        figures.write_accuracy(folder / "accuracy.png", results, params.data.dataset)
        plot_tables.write_comparison(folder, {result.name: result.test for result in results})
    for place, result in enumerate(compare.ranking(results), start=1):
        test = result.metrics["test"]
        click.echo(
            f"{place}. {result.name:<12} val {100 * result.metrics['val']['accuracy']:5.1f} %   "
            f"test {100 * test['accuracy']:5.1f} %"
        )
    click.echo("The whole comparison: reports/comparison.md")


if __name__ == "__main__":
    main()
