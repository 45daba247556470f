"""Bring the faces of a data set, as one array and one table."""

import click

from fer import check, commands, paths, untracked, writing
from fer.data import sets


@commands.stage("download")
def main() -> None:
    """Write data/faces/images.npy (uint8 [N, S, S]) and data/faces/faces.csv (name, usage, emotion).

    The data set is `data.dataset` in params.yaml, and S is `data.size`. A data set that is not embedded is read from
    the file or folder that an environment variable names (FER2013_ARCHIVE, RAFDB_ARCHIVE, ...), or else from
    data/incoming/; FER2013 is downloaded from Kaggle if it is in neither. A folder, .zip or .tar.* will do, for
    FER2013 also a CSV. The official counts are checked.
    """
    params = check.params()
    settings = params.data
    with untracked.reading("download", params):
        faces = sets.load(settings)
        with writing.transaction():
            faces.save(paths.FACES)
    counts = {usage: sum(row.values()) for usage, row in faces.counts().items() if usage}
    usages = ", ".join(f"{usage} {count:,}" for usage, count in counts.items()) or "not divided yet"
    click.echo(f"{len(faces):,} faces of {settings.dataset} in {paths.FACES}: {usages}.")


if __name__ == "__main__":
    main()
