"""Measures recorded probabilities by FER2013's labels and by FER+'s: what a model learns from either.

    python -m benchmarks.labels FER2013.parquet FERPLUS.parquet

The files are `data/predictions/<model>.parquet` of two runs of the pipeline, one with `data.dataset: fer2013` and one
with `ferplus`. Both are measured on the faces of the second, which have a majority for one of the seven emotions. The
figures for test are those of docs/photos.md.
"""

from pathlib import Path

import click
import numpy as np
import pandas as pd

from fer import artifacts
from fer.emotions import EMOTIONS


def by_picture(path: Path, split: str) -> pd.DataFrame:
    """The rows of one split, by the name of the picture without its folder, which is its label."""
    table = artifacts.read_table(path)
    table = table[table["split"] == split]
    return table.set_index(table["name"].str.rpartition("/")[2])


@click.command()
@click.argument("fer2013", type=click.Path(exists=True, path_type=Path))
@click.argument("ferplus", type=click.Path(exists=True, path_type=Path))
@click.option("--split", default="val", show_default=True, type=click.Choice(["val", "test"]))
def main(fer2013: Path, ferplus: Path, split: str) -> None:
    """Print accuracy by both sets of labels, and the recall of each emotion by FER+'s."""
    own, voted = (by_picture(path, split) for path in (fer2013, ferplus))
    pictures = voted.index.intersection(own.index)
    labels = {"FER2013": own.loc[pictures, "emotion"], "FER+": voted.loc[pictures, "emotion"]}
    click.echo(f"{len(pictures):,} faces of {split}")
    for trained_on, table in (("FER2013", own), ("FER+", voted)):
        answers = np.array(EMOTIONS)[table.loc[pictures, list(EMOTIONS)].to_numpy().argmax(axis=1)]
        right = {name: answers == truth.to_numpy() for name, truth in labels.items()}
        there = [emotion for emotion in EMOTIONS if (labels["FER+"] == emotion).any()]
        recall = (f"{emotion} {right['FER+'][labels['FER+'] == emotion].mean():.1%}" for emotion in there)
        by_labels = ", ".join(f"{found.mean():.1%} by {name}" for name, found in right.items())
        click.echo(f"trained on {trained_on}: {by_labels}; recall by FER+: {', '.join(recall)}")


if __name__ == "__main__":
    main()
