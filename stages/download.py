"""Bring the faces: FER2013, the embedded drawn set, or somebody's own folder, as one array and one table."""

import click

from fer import check, commands, untracked, writing
from fer.data import sources

OUTPUT = "data/faces"


@commands.stage("download")
def main() -> None:
    """Write data/faces/images.npy (uint8 [N, S, S]) and data/faces/faces.csv (name, usage, emotion).

    The source is `data.dataset` in params.yaml, and S is `data.size`. For fer2013 the first of these that is
    there: the file or folder that the environment variable FER2013_ARCHIVE names; what lies in
    data/incoming/; Kaggle's msambare/fer2013. A folder tree, .zip, .tar.* or CSV will do; the official counts
    are checked.
    """
    params = check.params()
    settings = params.data
    faces = sources.load(settings)
    with writing.transaction():
        faces.save(OUTPUT)
    untracked.note("download", params)
    counts = {usage: sum(row.values()) for usage, row in faces.counts().items() if usage}
    usages = ", ".join(f"{usage} {count:,}" for usage, count in counts.items()) or "not divided yet"
    click.echo(f"{len(faces):,} faces of {settings.dataset} in {OUTPUT}: {usages}.")


if __name__ == "__main__":
    main()
