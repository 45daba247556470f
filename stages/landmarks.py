"""Stage `landmarks`: find 478 landmarks in every face."""

import click

from fer import artifacts, config
from fer.data.faces import Faces
from fer.landmarks import audit, extract, figures


@click.command()
def main() -> None:
    """Find MediaPipe's 478 Face Mesh landmarks in every face.

    Reads data/faces/ and the section `landmarks` of params.yaml. Each face is framed by a replicated border,
    enlarged and searched; a face that is missed is tried again with the next width in `landmarks.borders`.

    \b
    Writes  data/landmarks.npz           xyz [N, 478, 3], detected [N], attempt [N]
            metrics/landmarks.json       found overall, by attempt, by usage and by emotion
            plots/landmarks/found.png    faces with their landmarks
            plots/landmarks/missed.png   faces without
    """  # noqa: D301  click needs the backspace itself
    settings = config.load().landmarks
    faces = Faces.load("data/faces")
    landmarks = extract.extract(faces.images, settings)
    metrics = audit.audit(faces, landmarks, attempts=len(settings.borders))
    landmarks.save("data/landmarks.npz")
    artifacts.write_json("metrics/landmarks.json", metrics)
    artifacts.write_figure("plots/landmarks/found.png", figures.found_sheet(faces, landmarks))
    artifacts.write_figure("plots/landmarks/missed.png", figures.missed_sheet(faces, landmarks))
    click.echo(f"Found landmarks in {metrics['found']:,} of {metrics['faces']:,} faces ({metrics['rate']:.2%}).")


if __name__ == "__main__":
    main()
