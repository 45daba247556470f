"""Measures the head pose of `fer predict`, and how far a turned head costs accuracy, on FER2013's val faces.

    python -m benchmarks.pose

The pose by the detector's five points is compared with that by MediaPipe's 478 landmarks. The figures are those of
docs/photos.md.
"""

from pathlib import Path

import click
import numpy as np

from benchmarks.covered import looked_at
from fer import progress
from fer.data import splits
from fer.data.faces import Faces
from fer.inference.crop import crop_face
from fer.inference.predictor import Predictor
from fer.inference.quality import head_pose
from fer.landmarks.normalize import normalize

YAWS = ((0, 10), (10, 20), (20, 35), (35, 55), (55, 180))  # degrees
PRESENT = 0.9  # of the landmarks: where the network is surer than this that there is a face, they are compared


def angles(points: np.ndarray) -> np.ndarray:
    """Yaw and roll by landmarks float [478, 3], as in `HeadPose`."""
    straight = normalize(points[None], np.ones(1, bool))[0].astype(np.float64)
    found = points.astype(np.float64)
    turn = np.linalg.pinv(found - found.mean(axis=0)) @ (straight - straight.mean(axis=0))
    turn /= np.cbrt(np.linalg.det(turn))  # how `normalize` has turned the face
    across, ahead = turn[:, 0], -turn[:, 2]
    roll = np.arctan2(across[1], across[0])
    right = np.cos(roll) * ahead[0] + np.sin(roll) * ahead[1]
    return np.degrees([np.arctan2(right, -ahead[2]), roll])


@click.command()
@click.option("--data", default="data", show_default=True, type=click.Path(path_type=Path))
@click.option("--model", default="cnn", show_default=True)
def main(data: Path, model: str) -> None:
    """Print the figures."""
    every = Faces.load(data / "faces")
    val = np.flatnonzero(splits.read(data / "splits.csv", len(every.labels))["split"] == "val")
    five, reference, present, right = [], [], [], []
    predictor = Predictor(model, threads=1)
    with progress.bar("Poses", len(val), "faces") as advance:
        for image, label in zip(every.images[val], every.labels[val], strict=True):
            for photo, found, points, presence in looked_at(image[None]):
                pose = head_pose(found)
                assert pose is not None
                five.append(pose)
                reference.append(angles(points))
                present.append(presence > PRESENT)
                right.append(predictor.predict_crops(crop_face(photo, found)[None]).argmax() == label)
            advance(1)
    poses, expected, sure = np.array(five), np.array(reference)[present], np.array(present)
    click.echo(f"{len(poses):,} of {len(val):,} faces found, {len(expected):,} compared")
    for number, name in enumerate(("yaw", "roll")):
        away = (poses[sure, number] - expected[:, number] + 180) % 360 - 180
        spread = np.abs(expected[:, number] - expected[:, number].mean()).mean()
        related = np.corrcoef(poses[sure, number], expected[:, number])[0, 1]
        error = np.abs(away).mean()
        click.echo(f"{name}: mean error {error:.1f} degrees (always the mean: {spread:.1f}), r {related:.2f}")
    for low, high in YAWS:
        chosen = (np.abs(poses[:, 0]) >= low) & (np.abs(poses[:, 0]) < high)
        click.echo(f"yaw {low} to {high}: {chosen.sum():,} faces, {np.mean(np.array(right)[chosen]):.1%} right")


if __name__ == "__main__":
    main()
