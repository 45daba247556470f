"""Faces keep their identities over time, and their probabilities are smoothed; nothing grows with the video."""

import csv
import json
import math

import numpy as np
import pytest

from fer.emotions import EMOTIONS
from fer.inference import timeline, video_report
from fer.inference.crop import Detection
from fer.inference.faces import Face, Photo
from fer.inference.track import PATIENCE, Followed, Smoother, Tracker, follow

RATE = 25


def face(x, y=100.0, side=80.0, score=0.8, values=None):
    probabilities = np.full(7, 1 / 7, np.float32) if values is None else np.asarray(values, np.float32)
    return Face((x - side / 2, y - side / 2, side, side), score, probabilities)


def covered(box, other):
    """The share of a box that lies behind another one."""
    wide = min(box[0] + box[2], other[0] + other[2]) - max(box[0], other[0])
    tall = min(box[1] + box[3], other[1] + other[3]) - max(box[1], other[1])
    return max(0.0, wide) * max(0.0, tall) / (box[2] * box[3])


def crowd(seed, people=4, seconds=20):
    """People who walk about: for each frame the faces that are seen, each with who it is.

    A face behind a larger one is not seen; of the others, three in a hundred are missed.
    """
    draw = np.random.default_rng(seed)
    sides = draw.uniform(60, 140, people)
    places = np.stack([draw.uniform(100, 1180, people), draw.uniform(200, 500, people)], axis=1)
    speeds = np.stack(
        [draw.uniform(60, 250, people) * draw.choice([-1, 1], people), draw.normal(0, 20, people)], axis=1
    )
    for _ in range(seconds * RATE):
        speeds += draw.normal(0, 8, speeds.shape)
        places += speeds / RATE
        beyond = (places < [60, 100]) & (speeds < 0) | (places > [1220, 620]) & (speeds > 0)
        speeds[beyond] *= -1
        boxes = [(*(place - side / 2), side, side) for place, side in zip(places, sides, strict=True)]
        seen = []
        for who, box in enumerate(boxes):
            hidden = any(other[2] > box[2] and covered(box, other) > 0.4 for other in boxes)
            if not hidden and draw.random() > 0.03:
                found = np.add(box, draw.normal(0, 0.03 * box[2], 4))
                seen.append((who, Detection(tuple(found), float(np.clip(draw.normal(0.7, 0.12), 0.36, 1)))))
        draw.shuffle(seen)
        yield seen


def switches(seed, every):
    tracker, last, changed = Tracker(), {}, 0
    for number, seen in enumerate(crowd(seed)):
        if number % every == 0:
            identities = tracker.update([found for _, found in seen], number / RATE)
            for (who, _), identity in zip(seen, identities, strict=True):
                changed += last.get(who, identity) != identity
                last[who] = identity
    return changed


@pytest.mark.slow
def test_few_identities_are_mixed_up_in_a_crowd():
    assert sum(switches(seed, every=1) for seed in range(3)) <= 5  # in a minute, of four people who cross
    assert sum(switches(seed, every=5) for seed in range(3)) <= 15


def test_faces_that_cross_keep_their_identities():
    tracker = Tracker()
    for number in range(60):
        first, second = face(100 + 8 * number), face(572 - 8 * number, 110)
        hidden = abs(first.box[0] - second.box[0]) < 50
        found = [first] if hidden else [first, second] if number % 2 else [second, first]
        identities = tracker.update(found, number / RATE)
        if number == 0:
            assert identities == [1, 2]
            left, right = identities[1], identities[0]
        assert dict(zip(map(id, found), identities, strict=True))[id(first)] == left
        assert hidden or dict(zip(map(id, found), identities, strict=True))[id(second)] == right


def test_a_lost_face_is_looked_for_and_then_forgotten():
    tracker = Tracker()
    assert tracker.update([face(100)], 0.0) == [1]
    assert tracker.update([], 0.5) == []
    assert tracker.update([face(105)], PATIENCE - 0.1) == [1]
    assert tracker.update([face(105)], 3 * PATIENCE) == [2]
    assert tracker.known == {2}


def test_a_face_of_which_the_detector_is_unsure_takes_no_identity_from_a_sure_one():
    tracker = Tracker()
    tracker.update([face(100)], 0.0)
    assert tracker.update([face(100, score=0.4), face(112)], 0.04) == [2, 1]
    assert tracker.update([face(112, score=0.4)], 0.08) == [1]  # alone it goes on


def test_what_is_remembered_does_not_grow():
    tracker, smoother, summary = Tracker(), Smoother(0.4), video_report.Summary()
    lines = 0
    for number in range(3000):  # every second another person at another place
        found = face(200.0 + number // RATE % 7 * 300)
        [identity] = tracker.update([found], number / RATE)
        followed = Followed(identity, found, smoother.update(identity, found.probabilities, number / RATE))
        summary.add(Photo("clip", time=number / RATE), [followed])
        smoother.keep(tracker.known)
        lines += len(list(summary.finished(tracker.known)))
        assert max(len(tracker.known), len(smoother._last), len(summary._seen)) <= 3
    assert tracker.identities == 3000 // RATE
    assert lines >= 3000 // RATE - 3
    assert summary.faces == 3000


def test_smoothing_is_exponential_in_time():
    first, second = np.eye(7, dtype=np.float32)[[0, 1]]
    smoother = Smoother(0.4)
    smoother.update(1, first, 0.0)
    kept = math.exp(-0.1 / 0.4)
    np.testing.assert_allclose(smoother.update(1, second, 0.1), kept * first + (1 - kept) * second, rtol=1e-6)
    np.testing.assert_array_equal(smoother.update(2, second, 0.1), second)  # another identity
    rarely, often = Smoother(0.4), Smoother(0.4)
    for smoothed, steps in ((rarely, 1), (often, 10)):
        smoothed.update(1, first, 0.0)
        for step in range(1, steps + 1):
            answer = smoothed.update(1, second, step / steps)
        np.testing.assert_allclose(answer[0], math.exp(-1 / 0.4), rtol=1e-5)  # however many frames there are
    smoother.keep({2})
    np.testing.assert_array_equal(smoother.update(1, second, 0.2), second)


def test_without_smoothing_the_probabilities_are_those_of_the_frame():
    photos = [Photo("clip", time=n / RATE, number=n, faces=[face(100, values=np.eye(7)[n % 7])]) for n in range(9)]
    for photo, [followed] in follow(photos, Tracker(), 0.0):
        assert followed.identity == 1
        np.testing.assert_array_equal(followed.smoothed, photo.faces[0].probabilities)


@pytest.fixture
def answer():
    found = face(100.26, values=[0.1, 0, 0, 0.5, 0.3, 0.1, 0])
    smoothed = np.asarray([0.1, 0, 0, 0.3, 0.5, 0.1, 0], np.float32)
    return Photo("clip.mp4", time=0.24, number=6), [Followed(3, found, smoothed), Followed(5, found, smoothed)]


def test_a_row_has_both_probabilities_and_the_smoothed_expression(answer):
    lines = video_report.csv_lines(*answer).splitlines()
    rows = list(csv.DictReader(lines, fieldnames=video_report.COLUMNS))
    assert [row["identity"] for row in rows] == ["3", "5"]
    assert rows[0]["frame"] == "6"
    assert rows[0]["time"] == "0.24"
    assert rows[0]["left"] == "60.3"
    assert rows[0]["expression"] == "neutral"
    assert [float(rows[0][name]) for name in EMOTIONS] == [0.1, 0, 0, 0.5, 0.3, 0.1, 0]
    assert [float(rows[0][f"smoothed_{name}"]) for name in EMOTIONS] == [0.1, 0, 0, 0.3, 0.5, 0.1, 0]


def test_a_frame_is_a_line_of_json_also_without_faces(answer):
    photo, faces = answer
    frame = json.loads(video_report.json_line(photo, faces))
    assert frame["frame"] == 6
    assert frame["time"] == 0.24
    assert [found["identity"] for found in frame["faces"]] == [3, 5]
    assert frame["faces"][0]["expression"] == "neutral"
    assert frame["faces"][0]["probabilities"]["happy"] == frame["faces"][0]["smoothed"]["neutral"] == 0.5
    assert json.loads(video_report.json_line(photo, [])) == {"frame": 6, "time": 0.24, "faces": []}


def test_the_summary_has_a_line_for_each_identity(answer):
    summary = video_report.Summary()
    summary.add(*answer)
    assert list(summary.finished({3, 5})) == []
    [line] = summary.finished({5})
    assert " ".join(line.split()) == "face 3 0:00.2 to 0:00.2 1 frames happy 50%, neutral 30%, angry 10%"
    assert video_report.clock(3671.26) == "61:11.3"


def test_timelines_average_long_videos_and_leave_gaps(tmp_path):
    pytest.importorskip("matplotlib")
    rows = tmp_path / "faces.csv"
    values = np.eye(7)
    with rows.open("w") as file:
        csv.writer(file).writerow(video_report.COLUMNS)
        for number in range(2500):
            seconds = number / RATE + (10 if number >= 1002 else 0)
            faces = [Followed(1, face(50), values[number % 7])] + [Followed(2, face(200), values[0])] * (number < 3)
            file.write(video_report.csv_lines(Photo("clip", time=seconds, number=number), faces))
    assert timeline.draw_all(rows, tmp_path) == 1  # three frames of the second are too few
    assert (tmp_path / "identity-1.png").read_bytes().startswith(b"\x89PNG")
    points = timeline._averaged(rows, {1: 2500})[1]
    assert points.shape == (834, 8)
    np.testing.assert_allclose(points[:, 1:].sum(axis=1), 1)
    np.testing.assert_allclose(points[0, 0], 1 / RATE)
    bands = timeline.figure(1, points).axes[0].collections
    assert [band.get_label() for band in bands] == list(EMOTIONS)
    drawn = np.concatenate([path.vertices[:, 0] for path in bands[0].get_paths()])
    assert not ((drawn > 41) & (drawn < 49)).any()
