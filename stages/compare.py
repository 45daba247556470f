"""Set the measured models side by side: the report, its numbers and its pictures."""

import click

from fer import artifacts, commands, config, paths, writing
from fer.evaluation import compare, figures, markdown, plot_tables, spread


@commands.stage("compare")
def main() -> None:
    """Compare all that the stage `measure` has measured: models, ensembles, and others' probabilities.

    \b
    Reads   metrics/test/, metrics/seeds/, plots/confusion/, plots/reliability/ and data/splits.csv
    Writes  reports/comparison.md           the comparison as a page
            metrics/comparison.json         ranks, differences, p-values
            plots/comparison/accuracy.png   and the tables of recall and reliability, for DVC's plots
    """  # noqa: D301  click needs the backspace itself
    params = config.load()
    measured = compare.load()
    table = artifacts.read_table(paths.SPLITS)
    with artifacts.validating(paths.SPLITS):
        groups = table["duplicate_group"].to_numpy()
    pairs = compare.paired(measured, groups, params.evaluate.bootstrap)
    page = markdown.page(measured, pairs, params.data.dataset, params.split.protocol, *spread.read_all(params))
    folder = paths.PLOTS / "comparison"
    with writing.transaction():
        artifacts.write_json(paths.METRICS / "comparison.json", compare.summary(measured, pairs))
        artifacts.write_text(paths.REPORTS / "comparison.md", page)
        figures.write_accuracy(folder / "accuracy.png", measured, params.data.dataset)
        plot_tables.write_comparison(folder, {model.name: model.answers for model in measured})
    for rank, model in enumerate(compare.ranking(measured), start=1):
        click.echo(f"{rank}. {model.name:<12} {100 * model.metrics['val']['accuracy']:5.1f} % of val")
    click.echo("The whole comparison, with test: reports/comparison.md")


if __name__ == "__main__":
    main()
