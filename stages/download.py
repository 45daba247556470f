"""Bring the faces: FER2013, the embedded drawn set, or somebody's own folder, as one array and one table."""

import click

from fer import config
from fer.data import sources

OUTPUT = "data/faces"


@click.command()
def main() -> None:
    """Write data/faces/images.npy (uint8 [N, 48, 48]) and data/faces/faces.csv (name, usage, emotion).

    The source is `data.dataset` in params.yaml. For fer2013 the first of these that is there: the file or
    folder that the environment variable FER2013_ARCHIVE names; what lies in data/incoming/; Kaggle's
    msambare/fer2013. A folder tree, .zip, .tar.* or CSV will do; the official counts are checked.
    """
    data = config.load().data
    faces = sources.load(data.dataset, data.seed, data.drawn_faces)
    faces.save(OUTPUT)
    usages = ", ".join(f"{usage} {sum(row.values()):,}" for usage, row in faces.counts().items())
    click.echo(f"{len(faces):,} faces of {data.dataset} in {OUTPUT}: {usages}.")


if __name__ == "__main__":
    main()
