"""What `fer predict --output` and `fer evaluate` leave behind."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer.emotions import EMOTIONS
from fer.evaluation import metrics
from fer.export.measure import probabilities
from fer.inference import draw, labelled
from fer.inference.faces import Face, Photo
from tests.inference.conftest import fer


def a_face(box, strongest=3):
    chances = np.full(7, 0.05, np.float32)
    chances[strongest] = 0.7
    return Face(box, 0.9, chances)


@pytest.mark.parametrize("size", [(30, 20), (48, 48), (1, 900), (3000, 40), (5000, 4000)])
def test_annotations_stay_in_the_picture(size):
    width, height = size
    boxes = [(0, 0, width, height), (width - 5, height - 5, 10, 10), (-9, -9, 12, 12), (width / 2, 0, 3, 3)]
    picture = draw.annotated(Image.new("RGB", size), [a_face(box, number) for number, box in enumerate(boxes)])
    assert max(picture.size) == max(640, *size)
    assert len(picture.getcolors(1 << 24)) > 5 or min(size) < 3


def test_a_panel_lies_beside_its_face_and_covers_no_other():
    boxes = [(100, 100, 200, 240), (700, 120, 180, 220)]
    picture = np.asarray(draw.annotated(Image.new("RGB", (1000, 800), "white"), [a_face(box) for box in boxes]))
    for left, top, width, height in boxes:
        inside = picture[top + 10 : top + height - 10, left + 10 : left + width - 10]
        assert (inside == 255).all()


def test_without_a_display_show_says_so_and_goes_on(photo, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    done = fer("predict", photo, "--show")
    assert done.exit_code == 0
    assert "No window can be opened" in done.stderr
    assert "  1  " in done.stdout


@pytest.fixture
def labelled_crops(home, networks):
    """Faces in folders that are called by words; and what the network says of them."""
    _, network, _ = networks
    draw_ = np.random.default_rng(1)
    labels = draw_.integers(0, 7, 40)
    faces = draw_.integers(0, 256, (40, 48, 48), np.uint8)
    words = ("Anger", "disgust", "fear", "Happiness", "neutral", "SAD", "surprise")
    for number, (face, label) in enumerate(zip(faces, labels, strict=True)):
        place = Path("set", words[label], "some", f"{'kept' if number < 30 else 'other'}_{number:02}.png")
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(face).save(place)
    return faces, labels, probabilities(network, {"pixels": faces})


@pytest.mark.slow
def test_evaluate_gives_the_pipeline_s_own_metrics(labelled_crops):
    faces, labels, expected = labelled_crops
    done = fer("evaluate", "set", "--no-detect", "--format", "json", "--output", "out")
    assert done.exit_code == 0
    measured = json.loads(done.stdout)
    assert measured == json.loads(Path("out/evaluation.json").read_text())
    for key, value in metrics.measure(expected, labels).items():
        assert measured[key] == pytest.approx(value, abs=1e-4)
    counts = np.array([list(row.values()) for row in measured["confusion"].values()])
    assert counts.sum() == len(faces)
    assert list(counts.sum(axis=1)) == list(np.bincount(labels, minlength=7))
    assert np.trace(counts) == round(measured["accuracy"] * 40)
    assert Image.open("out/confusion.png").size[0] > 600
    assert (
        json.loads(fer("evaluate", "set", "--no-detect", "--pattern", "kept_*", "--format", "json").stdout)["images"]
        == 30
    )
    for _ in range(2):  # its own figure, among the images, is no image without a label
        assert fer("evaluate", "set", "--no-detect", "--output", "set").exit_code == 0
    table = fer("evaluate", "set", "--no-detect").stdout
    assert table.startswith("40 faces in 40 images: ")
    assert max(map(len, table.splitlines())) <= 80


@pytest.mark.slow
def test_evaluate_counts_what_it_leaves_out(photo):
    Path("set/happy").mkdir(parents=True)
    shutil.copy(photo, "set/happy/1.jpg")
    Image.new("L", (90, 90)).save("set/happy/2.png")
    Path("set/happy/3.png").write_bytes(b"")
    done = fer("evaluate", "set", "--format", "json")
    assert done.exit_code == 1
    assert "set/happy/3.png is no readable image" in done.stderr
    measured = json.loads(done.stdout)
    assert measured["missing"] == {"no face found": 1, "not readable": 1}
    assert (measured["images"], measured["faces"]) == (3, 1)
    assert measured["accuracy_of_all"] == pytest.approx(measured["accuracy"] / 3, abs=1e-4)
    assert "Left out: 1 no face found, 1 not readable" in fer("evaluate", "set").stdout
    assert "1 too small" in fer("evaluate", "set", "--min-size", "300").output


def test_evaluate_says_what_a_folder_must_hold(home):
    assert "nothing-there is not a folder" in fer("evaluate", "nothing-there").output
    os.makedirs("set/dogs")
    Image.new("L", (90, 90)).save("set/dogs/1.png")
    assert "set holds images in folders that are no emotion's: dogs." in fer("evaluate", "set").output
    os.makedirs("set/sad")
    shutil.move("set/dogs/1.png", "set/sad")
    assert (
        "No face to measure in 1 image: 1 no face found. If the images are face crops, use --no-detect."
        in fer("evaluate", "set").output
    )


def test_numbers_need_the_name_of_their_data_set_and_the_mapping_is_printed(home):
    os.makedirs("set/3")
    Image.new("L", (48, 48)).save("set/3/1.png")
    done = fer("evaluate", "set", "--no-detect")
    assert done.exit_code == 1
    assert "--labels" in done.stderr
    done = fer("evaluate", "set", "--no-detect", "--labels", "fer2013", "--format", "json")
    assert done.exit_code == 0
    assert "Folders: 3 = happy" in done.stderr
    assert sum(json.loads(done.stdout)["confusion"]["happy"].values()) == 1


def test_only_what_was_found_is_measured():
    photos = [Photo("a", faces=[a_face((0, 0, 9, 9), 0), a_face((0, 0, 5, 5), 1)]), Photo("b", too_small=1)]
    measured = labelled.score(photos, [0, 1])
    assert measured["accuracy"] == 1
    assert measured["missing"] == {"too small": 1}
    assert measured["recall"] == {EMOTIONS[0]: 1.0}
