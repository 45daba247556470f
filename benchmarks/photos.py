"""How many faces `fer predict` finds in photos, and what it loses on the way from a crop to a photo.

    python -m benchmarks.photos

FER2013's val faces are pasted into two photos without people (scikit-learn's), at known places: in six sizes and
three turns, dark and noisy, six in one photo; and there are photos with none. Each face is also shown to the model as
the crop that it is. The tables are those of docs/photos.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np

from fer.data import splits
from fer.data.faces import Faces
from fer.inference.faces import Photo
from fer.inference.predictor import Predictor

WIDTH, HEIGHT = 1600, 1200
SIZES, TURNS = (30, 48, 80, 150, 300, 800), (0, 20, 40)


@dataclass(frozen=True)
class Scene:
    """What is done with each face: the side of its square in pixels, its turn in degrees, the light, the noise."""

    name: str
    size: int = 150
    turn: int = 0
    light: float = 1.0
    noise: float = 0.0
    faces: int = 1


SCENES = (
    *(Scene(f"{size} px, turned by {turn}", size, turn) for size in SIZES for turn in TURNS),
    Scene("dark", light=0.25),
    Scene("noisy", noise=25.0),
    Scene("dark and noisy", light=0.35, noise=15.0),
    Scene("six in one photo", size=120, faces=6),
)


def backgrounds() -> list[np.ndarray]:
    """Two photos without people, uint8 [1200, 1600]."""
    import cv2
    from sklearn.datasets import load_sample_images

    pictures = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in load_sample_images().images]
    return [cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) for picture in pictures]


def photo_of(
    faces: np.ndarray, scene: Scene, background: np.ndarray, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Paste faces into a photo; returns the photo and the faces' middles, float [n, 2]."""
    import cv2

    photo = background.astype(np.float32)
    middles = []
    columns = max(1, min(3, len(faces)))
    rows = max(1, -(-len(faces) // columns))
    cell = np.array([WIDTH / columns, HEIGHT / rows])
    for number, face in enumerate(faces):
        reach = scene.size * 0.72  # half of a turned square's diagonal
        low, high = np.minimum(reach, cell / 2), np.maximum(cell - reach, cell / 2)
        middle = cell * [number % columns, number // columns] + draw.uniform(low, high)
        turn = np.deg2rad(scene.turn) * draw.choice([-1, 1])
        scale = scene.size / face.shape[0]
        cosine, sine = np.cos(turn) * scale, np.sin(turn) * scale
        half = (face.shape[0] - 1) / 2
        shift = middle - np.array([[cosine, -sine], [sine, cosine]]) @ [half, half]
        matrix = np.array([[cosine, -sine, shift[0]], [sine, cosine, shift[1]]])
        # The edge fades, or the detectors would see a picture on a wall.
        mask = np.zeros(face.shape, np.float32)
        mask[2:-2, 2:-2] = 1
        mask = cv2.GaussianBlur(mask, (0, 0), 1.5)
        area = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        pasted = cv2.warpAffine(face.astype(np.float32), matrix, (WIDTH, HEIGHT), flags=area)
        weight = cv2.warpAffine(mask, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
        photo = photo * (1 - weight) + pasted * weight
        middles.append(middle)
    photo = photo * scene.light + draw.normal(0, scene.noise, photo.shape) * (scene.noise > 0)
    return np.clip(np.round(photo), 0, 255).astype(np.uint8), np.array(middles).reshape(-1, 2)


def matches(photo: Photo, middles: np.ndarray, size: float) -> Iterator[int | None]:
    """For each pasted face the number of the face that was found there, or None."""
    for middle in middles:
        away = [np.hypot(*(_middle(face.box) - middle)) for face in photo.faces]
        nearest = int(np.argmin(away)) if away else None
        yield nearest if nearest is not None and away[nearest] < size / 3 else None


def _middle(box: tuple[float, float, float, float]) -> np.ndarray:
    return np.array([box[0] + box[2] / 2, box[1] + box[3] / 2])


def run(predictor: Predictor, scene: Scene, faces: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Predict the faces of a scene as photos and as crops."""
    draw = np.random.default_rng(0)
    places = backgrounds()
    crops = predictor.predict_crops(faces).argmax(axis=1)
    found, right, crop_right, strangers = 0, 0, 0, 0
    for start in range(0, len(faces) // scene.faces * scene.faces, scene.faces):
        part = slice(start, start + scene.faces)
        image, middles = photo_of(faces[part], scene, places[start // scene.faces % len(places)], draw)
        photo = predictor.predict(image)[0]
        pairs = list(matches(photo, middles, scene.size))
        strangers += len(photo.faces) - len({pair for pair in pairs if pair is not None})
        for pair, label, crop in zip(pairs, labels[part], crops[part], strict=True):
            if pair is not None:
                found += 1
                right += int(photo.faces[pair].probabilities.argmax()) == label
                crop_right += int(crop) == label
    shown = len(faces) // scene.faces * scene.faces
    return {
        "shown": shown,
        "found": found / shown,
        "photo": right / max(1, found),
        "crop": crop_right / max(1, found),
        "strangers": strangers,
    }


@click.command()
@click.option("--model", default="cnn", show_default=True)
@click.option("--faces", default=90, show_default=True, help="Of val, for each line of the tables.")
def main(model: str, faces: int) -> None:
    """Print the tables."""
    data = Faces.load(Path("data/faces"))
    table = splits.read(Path("data/splits.csv"), len(data.labels))
    val = np.flatnonzero(table["split"] == "val")
    chosen = np.random.default_rng(0).choice(val, faces, replace=False)
    pixels, labels = np.asarray(data.images[chosen]), data.labels[chosen]
    predictor = Predictor([model], min_size=12)
    click.echo(
        "| photo | found | right in the photo | right as crops | found where no face is |\n|---|---|---|---|---|"
    )
    for scene in SCENES:
        values = run(predictor, scene, pixels, labels)
        click.echo(
            f"| {scene.name} | {values['found']:.0%} | {values['photo']:.1%} | {values['crop']:.1%} | "
            f"{values['strangers']} |"
        )
    empty = [
        photo_of(pixels[:0], replace(SCENES[0], faces=0), place, np.random.default_rng(0)) for place in backgrounds()
    ]
    click.echo(f"Photos without faces: {sum(len(predictor.predict(image)[0].faces) for image, _ in empty)} found.")


if __name__ == "__main__":
    main()
