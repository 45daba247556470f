"""Set the four models beside each other: `metrics/comparison.json`, `reports/comparison.md`, one picture."""

import click

from fer import artifacts, config
from fer.evaluation import compare, markdown, picture


@click.command()
def main() -> None:
    """Compare the models that the evaluate stages have measured."""
    params = config.load()
    results = compare.load(params.split.protocol)
    pairs = compare.paired(results, params.evaluate.bootstrap)
    artifacts.write_json("metrics/comparison.json", compare.summary(results, pairs))
    page = markdown.page(results, pairs, params.data.dataset, params.split.protocol)
    artifacts.write_text("reports/comparison.md", page)
    picture.write_accuracy("plots/comparison/accuracy.png", results, params.data.dataset)
    for place, result in enumerate(compare.ranking(results), start=1):
        test = result.metrics["test"]
        click.echo(
            f"{place}. {result.name:<12} val {100 * result.metrics['val']['accuracy']:5.1f} %   "
            f"test {100 * test['accuracy']:5.1f} %"
        )
    click.echo("The whole comparison: reports/comparison.md")


if __name__ == "__main__":
    main()
