"""Makes and measures what tells `fer predict` that a mouth is covered.

    python -m benchmarks.covered

Masks, hands and things are drawn over FER2013's Training faces, and a logistic regression learns to tell them from the
faces as they are. It is written to fer/pretrained/quality/covered.json. The printed figures, those of docs/photos.md,
are of val faces.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import cv2
import numpy as np

from benchmarks import covers, trait_fitting
from fer import progress
from fer.data import splits
from fer.data.faces import Faces
from fer.inference.crop import Detection, crop_face, crop_region
from fer.inference.crop_traits import COVERED
from fer.inference.detect import Detector
from fer.inference.quality import OBLIQUE, head_pose
from fer.landmarks.detector import FaceDetector
from fer.landmarks.network import LandmarkNetwork
from fer.sizes import FACE

ENLARGED = 3  # the detector needs larger faces than FER2013's
BORDER = FACE // 2  # pixels around a face, in which the edge goes on
KINDS = (covers.mask, covers.hand, covers.thing, covers.mask, covers.hand)


@dataclass(frozen=True)
class Example:
    """A face that looks more or less into the camera.

    Attributes:
        crop: as the models see it, uint8 [48, 48].
        points: its landmarks in the crop enlarged to `covers.SIDE`, float [478, 2].
    """

    crop: np.ndarray
    points: np.ndarray


def looked_at(images: np.ndarray) -> Iterator[tuple[np.ndarray, Detection, np.ndarray, float]]:
    """The faces that are found in FER2013's pictures uint8 [n, 48, 48].

    Yields:
        The picture as a photo, uint8 [S, S]; the face in it; its landmarks, float [478, 3] in sides of the photo; and
        how likely these show a face.
    """
    detector, boxes, landmarks = _networks()
    for image in images:
        photo = cv2.resize(
            np.pad(image, BORDER, mode="edge"), None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC
        )
        for found in detector.find(photo, turned=False)[:1]:
            points, presence = landmarks.find(photo[None], boxes.find(photo[None], 0.0, False), False)
            yield photo, found, points[0], float(presence[0])


@cache
def _networks() -> tuple[Detector, FaceDetector, LandmarkNetwork]:
    cv2.setNumThreads(1)
    return Detector(1), FaceDetector(1), LandmarkNetwork(1)


def examples(images: np.ndarray) -> Iterator[Example]:
    """The faces among FER2013's pictures uint8 [n, 48, 48] that are found and not turned away."""
    for photo, found, points, presence in looked_at(images):
        example = example_of(photo, found, points, presence)
        if example is not None:
            yield example


def example_of(photo: np.ndarray, found: Detection, points: np.ndarray, presence: float) -> Example | None:
    """A face of `looked_at`, unless it is turned away."""
    pose = head_pose(found)
    if pose is None or abs(pose.yaw) > OBLIQUE or presence <= 0.5:
        return None
    return Example(crop_face(photo, found), _in_crop(points[:, :2] * len(photo), found))


def _in_crop(points: np.ndarray, found: Detection) -> np.ndarray:
    centre, side, degrees = crop_region(found)
    turn = math.radians(degrees)
    back = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    placed: np.ndarray = ((points - centre) @ back / side + 0.5) * covers.SIDE
    return placed


def drawn(example: Example, draw: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Crops of an uncovered mouth (the face as it is, and with something elsewhere), and of each of `KINDS`."""
    large = cv2.resize(example.crop, (covers.SIDE, covers.SIDE), interpolation=cv2.INTER_CUBIC).astype(np.float32)

    def crop(picture: np.ndarray) -> np.ndarray:
        return cv2.resize(np.clip(picture, 0, 255).astype(np.uint8), (FACE, FACE), interpolation=cv2.INTER_AREA)

    open_ = [example.crop, crop(covers.elsewhere(large, example.points, draw))]
    return open_, [crop(kind(large, example.points, draw)) for kind in KINDS]


@click.command()
@click.option("--data", default="data", show_default=True, type=click.Path(path_type=Path))
@click.option("--train", default=6000, show_default=True, help="Faces of Training.")
@click.option("--val", default=1000, show_default=True, help="Faces of val.")
def main(data: Path, train: int, val: int) -> None:
    """Make the file, and print its figures."""
    every = Faces.load(data / "faces")
    split = splits.read(data / "splits.csv", len(every.labels))["split"]
    draw = np.random.default_rng(0)

    def examples_of(name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = draw.choice(np.flatnonzero(split == name), count, replace=False)
        pairs = []
        with progress.bar(f"Covers on {name}", count, "faces") as advance:
            for image in every.images[chosen]:
                pairs += [drawn(example, draw) for example in examples(image[None])]
                advance(1)
        uncovered, hidden = zip(*pairs, strict=True)
        return np.array(uncovered), np.array(hidden)

    measure(learn(*examples_of("train", train)), *examples_of("val", val))


def learn(open_: np.ndarray, hidden: np.ndarray) -> dict[str, object]:
    """Fit and write the file.

    Args:
        open_: uint8 [n, 2, 48, 48], as `drawn` makes them.
        hidden: uint8 [n, kinds, 48, 48].

    Returns:
        The file's content.
    """
    known = round(len(open_) * (1 - trait_fitting.HELD_OUT))
    absent, present = (crops[:known].reshape(-1, FACE, FACE) for crops in (open_, hidden))
    content = trait_fitting.learn(absent, present, open_[known:, 0])
    trait_fitting.write(COVERED, content)
    return content


def measure(content: dict[str, object], open_: np.ndarray, hidden: np.ndarray) -> None:
    """Print how well it does; the arguments are what `learn` returns and takes."""
    rows = [("as they are", open_[:, 0]), ("covered elsewhere", open_[:, 1])]
    rows += [(kind.__name__, hidden[:, number]) for number, kind in enumerate(KINDS[:3])]
    for name, crops in rows:
        click.echo(f"{name}: {trait_fitting.share(content, crops):.1%} of {len(crops):,} are said to be covered")


if __name__ == "__main__":
    main()
