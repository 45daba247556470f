"""Makes and measures what tells `fer predict` that a mouth is covered.

    python -m benchmarks.covered

Masks, hands and things are drawn over FER2013's Training faces, and a logistic regression learns to tell them from the
faces as they are. It is written to fer/pretrained/covered.json. The printed figures are of faces that it has not seen.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np

from benchmarks import covers
from fer import progress, writing
from fer.data import splits
from fer.data.faces import Faces
from fer.inference import covered
from fer.inference.crop import Detection, crop_face, crop_region
from fer.inference.detect import Detector
from fer.inference.quality import OBLIQUE, head_pose
from fer.landmarks.detector import FaceDetector
from fer.landmarks.network import LandmarkNetwork
from fer.sizes import FACE

ENLARGED = 3  # the detector needs larger faces than FER2013's
BORDER = FACE // 2  # pixels around a face, in which the edge goes on
KINDS = (covers.mask, covers.hand, covers.thing, covers.mask, covers.hand)
HELD_OUT = 0.2  # share of the faces by which the rest is measured
STRENGTH = 0.003  # the inverse of the regularisation; 0.0003 and 0.03 are worse
FALSE_ALARMS = 0.04  # share of the faces as they are that may be called covered: about as many are, of 582 of val


@dataclass(frozen=True)
class Example:
    """A face that looks more or less into the camera.

    Attributes:
        crop: as the models see it, uint8 [48, 48].
        points: its landmarks in the crop enlarged to `covers.SIDE`, float [478, 2].
    """

    crop: np.ndarray
    points: np.ndarray


def examples(images: np.ndarray) -> Iterator[Example]:
    """The faces among FER2013's pictures uint8 [n, 48, 48] that are found and not turned away."""
    detector, boxes, landmarks = Detector(1), FaceDetector(1), LandmarkNetwork(1)
    for image in images:
        photo = cv2.resize(
            np.pad(image, BORDER, mode="edge"), None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC
        )
        found = detector.find(photo, turned=False)[:1]
        pose = head_pose(found[0], np.full(3, np.nan)) if found else None
        if pose is None or abs(pose.yaw) > OBLIQUE:
            continue
        points, presence = landmarks.find(photo[None], boxes.find(photo[None], 0.0, False), False)
        if presence[0] > 0.5:
            yield Example(crop_face(photo, found[0]), _in_crop(points[0, :, :2] * len(photo), found[0]))


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


def fit(uncovered: np.ndarray, hidden: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights and bias for `covered.features`, from crops uint8 [n, 48, 48] and their mirror images."""
    from sklearn.linear_model import LogisticRegression

    crops = np.concatenate([uncovered, uncovered[..., ::-1], hidden, hidden[..., ::-1]])
    truth = np.arange(len(crops)) >= 2 * len(uncovered)
    values = covered.features(crops)
    middle, spread = values.mean(axis=0), values.std(axis=0) + 1e-6
    model = LogisticRegression(C=STRENGTH, max_iter=500, class_weight="balanced").fit((values - middle) / spread, truth)
    weights = model.coef_[0] / spread
    return weights, float(model.intercept_[0] - weights @ middle)


@click.command()
@click.option("--data", default="data", show_default=True, type=click.Path(path_type=Path))
@click.option("--faces", default=6000, show_default=True, help="Of Training.")
def main(data: Path, faces: int) -> None:
    """Make the file, and print its figures."""
    every = Faces.load(data / "faces")
    train = np.flatnonzero(splits.read(data / "splits.csv", len(every.labels))["split"] == "train")
    draw = np.random.default_rng(0)
    chosen = draw.choice(train, faces, replace=False)
    open_, hidden = [], []
    with progress.bar("Covers", faces, "faces") as advance:
        for start in range(0, faces, 100):
            for example in examples(every.images[chosen[start : start + 100]]):
                own, others = drawn(example, draw)
                open_.append(own)
                hidden.append(others)
            advance(100)
    learn(np.array(open_), np.array(hidden))


def learn(open_: np.ndarray, hidden: np.ndarray) -> None:
    """Fit, choose the limit, write the file and print how well it does.

    Args:
        open_: uint8 [n, 2, 48, 48], as `drawn` makes them.
        hidden: uint8 [n, kinds, 48, 48].
    """
    known = round(len(open_) * (1 - HELD_OUT))
    weights, bias = fit(open_[:known].reshape(-1, FACE, FACE), hidden[:known].reshape(-1, FACE, FACE))
    limit = float(np.quantile(covered.features(open_[known:, 0]) @ weights + bias, 1 - FALSE_ALARMS))
    content = {"weights": [round(float(weight), 4) for weight in weights], "bias": round(bias - limit, 4)}
    with writing.atomic(covered.FILE) as temporary:
        temporary.write_text(json.dumps(content) + "\n")
    covered._weights.cache_clear()
    rows = [("uncovered", open_[known:, 0]), ("covered elsewhere", open_[known:, 1])]
    rows += [(kind.__name__, hidden[known:, number]) for number, kind in enumerate(KINDS[:3])]
    for name, crops in rows:
        click.echo(f"{name}: {covered.covered(crops).mean():.1%} of {len(crops):,} are said to be covered")


if __name__ == "__main__":
    main()
