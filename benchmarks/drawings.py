"""Makes and measures what tells `fer predict` that a face is a drawing.

    python -m benchmarks.drawings FOLDER [FOLDER ...] [--unseen FOLDER ...] [--photos FOLDER]

The project holds no pictures for it: each FOLDER has drawings of people in one style, such as an emoji set. A logistic
regression learns to tell the faces found in them from FER2013's Training faces. It is written to
fer/pretrained/quality/drawing.json. The printed figures, those of docs/photos.md, are of styles that it has not
learned from (each FOLDER left out once, and the folders after --unseen), of val faces, and of real photos.
"""

from pathlib import Path

import click
import cv2
import numpy as np
from PIL import Image

from benchmarks import trait_fitting
from benchmarks.covered import drawn, example_of, looked_at
from fer import progress
from fer.data import splits
from fer.data.faces import Faces
from fer.inference.crop import crop_face
from fer.inference.crop_traits import DRAWING
from fer.inference.detect import Detector
from fer.inference.model_average import resized
from fer.sizes import FACE

FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def grey_photo(path: Path, draw: np.random.Generator) -> np.ndarray:
    """A picture in grey, uint8 [H, W]; what is transparent gets a tone at random."""
    picture = Image.open(path).convert("RGBA")
    behind = Image.new("RGBA", picture.size, (*draw.integers(0, 256, 3).tolist(), 255))
    return np.asarray(Image.alpha_composite(behind, picture).convert("L"))


def crops_of(folder: Path, detector: Detector) -> tuple[np.ndarray, int]:
    """The faces found in a folder's pictures, uint8 [n, 48, 48], and how many pictures there are."""
    draw = np.random.default_rng(0)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise click.BadParameter(f"no pictures in {folder}")
    found = []
    with progress.bar(f"Faces in {folder.name}", len(paths), "pictures") as advance:
        for path in paths:
            photo = grey_photo(path, draw)
            found += [crop_face(photo, face) for face in detector.find(photo, turned=False)]
            advance(1)
    crops = resized(np.array(found), FACE) if found else np.empty((0, FACE, FACE), np.uint8)
    return crops, len(paths)


def crops_of_fer2013(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The faces found in FER2013's pictures uint8 [n, 48, 48], and some of them with something drawn over the mouth.

    A mask is a plain area, as drawings have, and must not make a drawing of a face.

    Returns:
        Both uint8 [m, 48, 48].
    """
    draw, plain, hidden = np.random.default_rng(0), [], []
    with progress.bar("Faces of FER2013", len(images), "pictures") as advance:
        for image in images:
            for photo, found, points, presence in looked_at(image[None]):
                example = example_of(photo, found, points, presence)
                plain.append(resized(crop_face(photo, found)[None], FACE)[0])
                if example is not None:
                    hidden += drawn(example, draw)[1]
            advance(1)
    return np.array(plain), np.array(hidden)


@click.command()
@click.argument("folders", nargs=-1, required=True, type=FOLDER)
@click.option("--unseen", multiple=True, type=FOLDER, help="Drawings to measure on, not to learn from.")
@click.option("--photos", multiple=True, type=FOLDER, help="Real photos to measure on.")
@click.option("--data", default="data", show_default=True, type=click.Path(path_type=Path))
@click.option("--train", default=2500, show_default=True, help="Faces of Training.")
@click.option("--val", default=1000, show_default=True, help="Faces of val.")
def main(
    folders: tuple[Path, ...], unseen: tuple[Path, ...], photos: tuple[Path, ...], data: Path, train: int, val: int
) -> None:
    """Make the file from FOLDERS, one for each style of drawing, and print its figures."""
    cv2.setNumThreads(1)
    detector = Detector(1)
    styles, others = ({folder: crops_of(folder, detector) for folder in some} for some in (folders, unseen + photos))
    for folder, (crops, _) in styles.items():
        if not len(crops):
            raise click.BadParameter(f"no faces are found in the pictures of {folder}: there is nothing to learn from")
    every = Faces.load(data / "faces")
    split = splits.read(data / "splits.csv", len(every.labels))["split"]
    draw = np.random.default_rng(0)

    def faces_of(name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = draw.choice(np.flatnonzero(split == name), count, replace=False)
        return crops_of_fer2013(every.images[chosen])

    (real, masked), held = faces_of("train", train), faces_of("val", val)
    known, masks = (round(len(crops) * (1 - trait_fitting.HELD_OUT)) for crops in (real, masked))

    def learned_from(chosen: list[Path]) -> dict[str, object]:
        present = np.concatenate([styles[folder][0] for folder in chosen])
        return trait_fitting.learn(np.concatenate([real[:known], masked[:masks]]), present, real[known:])

    def say(name: str, content: dict[str, object], crops: np.ndarray, pictures: int) -> None:
        said = f", {trait_fitting.share(content, crops):.1%} are called drawings" if len(crops) else ""
        click.echo(f"{name}: {len(crops):,} faces found in {pictures:,} pictures{said}")

    for folder in folders if len(folders) > 1 else ():
        say(f"{folder.name}, left out", learned_from([other for other in folders if other != folder]), *styles[folder])
    content = learned_from(list(folders))
    trait_fitting.write(DRAWING, content)
    for folder, found in others.items():
        say(folder.name, content, *found)
    say("val", content, held[0], val)
    say("val, with something drawn over the mouth", content, held[1], val)


if __name__ == "__main__":
    main()
