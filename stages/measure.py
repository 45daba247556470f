"""Measure recorded probabilities: of a model, an ensemble, or from another source."""

import re

import click

from fer import artifacts, commands, config, paths, writing

# Files of other stages and commands in metrics/.
RESERVED = ("data", "landmarks", "graphs", "comparison", "experiments", "stage_times")


def _name(_: click.Context, __: click.Parameter, name: str) -> str:
    """Refuse what would lead out of the folders of results, or to another stage's file there."""
    if not re.fullmatch(r"[\w.+-]+", name) or name.startswith(".") or name in RESERVED:
        raise click.BadParameter(f"{name[:100]!r} can't be the name of a model; data/predictions/NAME.parquet is read.")
    return name


@commands.stage("measure")
@click.argument("name", callback=_name)
def main(name: str) -> None:
    """Measure the probabilities in data/predictions/NAME.parquet.

    \b
    Reads   data/predictions/NAME.parquet and data/splits.csv
    Writes  metrics/NAME.json            val: what DVC's tables show, to choose by
            metrics/test/NAME.json       val and test in detail, for the report
            plots/confusion/NAME.csv     the answer to every test face
            plots/reliability/NAME.csv   how often it is right at each level of confidence
    """  # noqa: D301  click needs the backspace itself
    params = config.load()
    from fer.data import splits
    from fer.evaluation import plot_tables, predictions, subsets

    answers = predictions.read(name)
    table = splits.read(paths.SPLITS, len(artifacts.read_table(paths.SPLITS)))
    measured = subsets.measure(answers, table, params.split.protocol)
    with writing.transaction():
        plot_tables.write_model(name, subsets.on_test(answers, table, params.split.protocol))
        artifacts.write_json(paths.TEST_METRICS / f"{name}.json", measured)
        artifacts.write_json(paths.METRICS / f"{name}.json", subsets.selection(measured))
    click.echo(f"{name}: {100 * measured['val']['accuracy']:.2f} % of val; test: {paths.TEST_METRICS / name}.json")


if __name__ == "__main__":
    main()
