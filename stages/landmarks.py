"""Find 478 landmarks in every face."""

import click

from fer import artifacts, check, commands, writing
from fer.data.faces import Faces
from fer.landmarks import audit, extract, plots
from fer.landmarks.views import LandmarkSettings


@commands.stage("landmarks")
def main() -> None:
    """Find the 478 landmarks of every face with MediaPipe's face detector and attention mesh.

    Reads data/faces/ and the section `landmarks` of params.yaml. Each face is shown to the network in every view of
    `landmarks.views`; what is found is freed of the head's pose and averaged.

    \b
    Writes  data/landmarks/points.npy          float32 [N, 478, 3], NaN where no view found the face
            data/landmarks/views.npy           uint8 [N], how many views found it
            metrics/landmarks.json             found overall, by number of views, by usage and by emotion
            plots/data/landmarks_found.png     faces with their landmarks
            plots/data/landmarks_missed.png    faces without
    """  # noqa: D301  click needs the backspace itself
    settings = check.params().landmarks
    faces = Faces.load("data/faces")
    chosen = LandmarkSettings.from_dict(settings.model_dump(exclude={"workers"}))
    landmarks = extract.extract(faces.images, chosen, settings.workers)
    found = audit.audit(faces, landmarks, views=len(settings.views))
    locate = extract.Locator(chosen).locate
    with writing.transaction():
        landmarks.save("data/landmarks")
        artifacts.write_json("metrics/landmarks.json", found)
        artifacts.write_figure("plots/data/landmarks_found.png", plots.found_sheet(faces, landmarks, locate))
        artifacts.write_figure("plots/data/landmarks_missed.png", plots.missed_sheet(faces, landmarks))
    click.echo(f"Found landmarks in {found['found']:,} of {found['faces']:,} faces ({found['rate']:.2%}).")


if __name__ == "__main__":
    main()
