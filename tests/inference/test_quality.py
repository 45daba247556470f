"""The quality of a face: how the head is held, and what speaks against it; and where that is said."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fer import Predictor
from fer.bulk import worker
from fer.inference import quality as judging, track, video_report
from fer.inference.crop import Detection
from fer.inference.crop_traits import COVERED, DRAWING
from fer.inference.quality import HeadPose, head_pose, quality
from tests.inference.conftest import fer

STRAIGHT = HeadPose(0.0, 0.0)
CROP = np.full((48, 48), 120, np.uint8)


def turned(yaw, pitch, roll):
    """A rotation: nodded, then turned, then tilted, in the senses of HeadPose; float [3, 3]."""
    yaw, pitch, roll = np.radians([-yaw, -pitch, roll])
    nod = [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    turn = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    tilt = [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    return np.array(tilt) @ turn @ nod


def face(size=90.0, score=0.9, yaw=0.0, pitch=0.0, roll=0.0):
    points = (judging._FIVE @ turned(yaw, pitch, roll).T)[:, :2] * 40 + (200, 180)
    return Detection((150.0, 140.0, size, size * 1.3), score, points)


@pytest.fixture
def traits(monkeypatch):
    """What the crops have: none of the traits, until a test adds some."""
    present: set[str] = set()
    monkeypatch.setattr(judging, "has_trait", lambda trait, values: np.full(len(values), trait in present))
    return present


@pytest.mark.parametrize("held", [(0, 0, 0), (40, 0, 0), (-70, 10, 5), (15, -25, -30), (0, 20, 170), (5, 5, -90)])
def test_five_points_tell_how_a_head_is_held(held):
    yaw, pitch, roll = held
    np.testing.assert_allclose(head_pose(face(yaw=yaw, pitch=pitch, roll=roll)), (yaw, roll), atol=1e-6)
    assert head_pose(Detection((0, 0, 9, 9), 1.0)) is None


def test_a_head_that_turns_to_the_right_shows_its_nose_at_the_right():
    nose = face(yaw=30).points[2] - face().points[2]
    assert nose[0] > 5
    assert face(pitch=20).points[2][1] < face().points[2][1]  # looks up
    down = face(roll=20).points
    assert down[1][1] > down[0][1]  # clockwise: the eye at the right is lower


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (face(size=20), "small: 20 pixels"),
        (face(yaw=-44), "turned away by 44 degrees"),
        (face(yaw=70), "in profile"),
        (face(roll=60), "tilted by 60 degrees"),
        (face(roll=-175), "upside down"),
        (face(score=0.36), "the detector is unsure: 0.36"),
    ],
)
def test_quality_says_what_speaks_against_a_face(traits, found, reason):
    value, reasons = quality(found, head_pose(found), CROP)
    assert reasons == (reason,)
    assert 0 < value < 1
    assert quality(face(), STRAIGHT, CROP) == (1.0, ())


def test_a_covered_mouth_and_missing_landmarks_lower_it(traits):
    traits.add(COVERED)
    assert quality(face(), STRAIGHT, CROP)[1] == ("the mouth is covered",)
    assert quality(face(), STRAIGHT, CROP, has_landmarks=False)[1] == ("the mouth is covered", "no landmarks found")
    # Nobody can tell in profile, and a crop that somebody else has made is not judged.
    assert quality(face(yaw=80), HeadPose(80, 0), CROP)[1] == ("in profile",)
    assert quality(Detection((0, 0, 48, 48), 1.0), None, CROP) == (1.0, ())


def test_a_drawing_lowers_it_also_in_profile(traits):
    traits.add(DRAWING)
    assert quality(face(), STRAIGHT, CROP) == (0.5, ("looks like a drawing",))
    assert quality(face(yaw=80), HeadPose(80, 0), CROP)[1] == ("looks like a drawing", "in profile")
    assert quality(Detection((0, 0, 48, 48), 1.0), None, CROP) == (1.0, ())


@pytest.mark.slow
def test_every_answer_says_how_the_head_is_held_and_what_speaks_against_the_face(photo):
    Image.open(photo).rotate(60).save("turned.png")
    with Predictor() as predictor:
        photos = predictor.predict("turned.png")
    held = photos[0].faces[0]
    yaw, roll = (round(value) for value in held.pose)
    assert roll == pytest.approx(-60, abs=12)  # degrees; PIL turns counter-clockwise
    expected = {"face": 1, "yaw": yaw, "roll": roll, "quality": held.quality, "reasons": "; ".join(held.reasons)}
    followed = track.Followed(1, held, held.probabilities)
    tables = {
        "frame": photos.as_frame(),
        "csv": pd.read_csv(io.StringIO(fer("predict", "turned.png", "--format", "csv").stdout)),
        "bulk": pd.read_parquet(io.BytesIO(worker.as_parquet(photos))),
        "video": pd.read_csv(
            io.StringIO(video_report.csv_lines(photos[0], [followed])), names=video_report.COLUMNS
        ).assign(face=1),
    }
    for name, table in tables.items():
        [row] = table.to_dict("records")
        assert {column: row[column] for column in expected} == pytest.approx(expected, abs=1e-6), name
    [answer] = json.loads(fer("predict", "turned.png", "--format", "json").stdout)[0]["faces"]
    assert answer["pose"] == {"yaw": yaw, "roll": roll}
    assert answer["reasons"] == list(held.reasons)
    unknown = fer("predict", "turned.png", "--no-detect", "--format", "jsonl").stdout
    assert json.loads(unknown)["faces"][0]["pose"] == {"yaw": None, "roll": None}
