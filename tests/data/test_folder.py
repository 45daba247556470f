"""Somebody's own faces: every layout, the cut, and what is refused; and the choice of the source."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer.data import folder, images, sources
from fer.emotions import EMOTIONS
from fer.errors import FerError


def fill(place: Path, count: int, size: tuple[int, int] = (48, 48), seed: int = 0) -> None:
    place.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, len(place.name), count])
    for number in range(count):
        Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).save(place / f"{number}.png")


def test_emotions_alone_are_cut(tmp_path: Path) -> None:
    names = ("Anger", "DISGUST", "Fearful", "happiness", "Neutral", "6_sadness", "surprised")
    for name in names:
        fill(tmp_path / name, 20)
    (tmp_path / "README.txt").write_text("is passed over")
    faces = folder.load(tmp_path, 1)
    assert faces.counts() == {
        "PrivateTest": dict.fromkeys(EMOTIONS, 2),
        "PublicTest": dict.fromkeys(EMOTIONS, 2),
        "Training": dict.fromkeys(EMOTIONS, 16),
    }
    assert faces.table.equals(folder.load(tmp_path, 1).table)
    assert not faces.table.equals(folder.load(tmp_path, 2).table)
    assert faces.table["name"].is_unique


def test_own_splits_are_kept(tmp_path: Path) -> None:
    for split, count in (("Train", 10), ("test", 3)):
        for emotion in EMOTIONS:
            fill(tmp_path / split / emotion, count)
    counts = folder.load(tmp_path, 0).counts()
    assert [counts[usage]["sad"] for usage in ("Training", "PublicTest", "PrivateTest")] == [9, 1, 3]
    for emotion in EMOTIONS:
        fill(tmp_path / "validation" / emotion, 2)
    counts = folder.load(tmp_path, 0).counts()
    assert [counts[usage]["sad"] for usage in ("Training", "PublicTest", "PrivateTest")] == [10, 2, 3]


def test_a_picture_becomes_its_central_square() -> None:
    picture = np.zeros((96, 192, 3), np.uint8)
    picture[:, 48:144] = 200
    face = images.face(Image.fromarray(picture))
    assert face.shape == (48, 48)
    assert (face == 200).all()
    deep = Image.fromarray(np.full((48, 48), 200 << 8, np.uint16))
    assert (images.face(deep) == 200).all()
    assert images.face(Image.new("L", (20, 20), 9)).shape == (48, 48)


def test_unknown_and_empty_classes_are_named(tmp_path: Path) -> None:
    with pytest.raises(FerError, match="holds no images"):
        folder.load(tmp_path, 0)
    for emotion in EMOTIONS[1:]:
        fill(tmp_path / emotion, 3)
    with pytest.raises(FerError, match="0 faces of angry; at least 3"):
        folder.load(tmp_path, 0)
    fill(tmp_path / "contempt", 1)
    with pytest.raises(FerError, match=r"contempt is no emotion's folder.*angry, disgust, fear"):
        folder.load(tmp_path, 0)


def test_layouts_that_say_too_little(tmp_path: Path) -> None:
    for emotion in EMOTIONS:
        fill(tmp_path / "train" / emotion, 1)
    with pytest.raises(FerError, match="both train/ and test/"):
        folder.load(tmp_path, 0)
    fill(tmp_path / "sad", 1)
    with pytest.raises(FerError, match="Keep one of the two"):
        folder.load(tmp_path, 0)


def test_an_unreadable_image_is_named(tmp_path: Path) -> None:
    for emotion in EMOTIONS:
        fill(tmp_path / emotion, 3)
    whole = (tmp_path / "sad" / "1.png").read_bytes()
    (tmp_path / "sad" / "1.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FerError, match=r"1.png is no readable image"):
        folder.load(tmp_path, 0)


def test_the_source_is_chosen_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for emotion in EMOTIONS:
        fill(tmp_path / emotion, 3)
    assert len(sources.load(str(tmp_path), 0, 140)) == 21
    assert len(sources.load("drawn", 0, 140)) == 140
    with pytest.raises(FerError, match="neither fer2013 nor drawn nor an existing folder"):
        sources.load(str(tmp_path / "gone"), 0, 140)
    monkeypatch.setenv("FER2013_ARCHIVE", str(tmp_path / "gone"))
    with pytest.raises(FerError, match="FER2013_ARCHIVE"):
        sources.load("fer2013", 0, 140)
