"""Somebody's own faces: every layout and class name, and what is refused; and the choice of the source."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer import config
from fer.data import files, images, sets
from fer.data.faces import Faces
from fer.emotions import CHALLENGE_ORDER, EMOTIONS
from fer.errors import FerError


def load(folder: Path, size: int = 48, labels: str | None = None) -> Faces:
    return sets.load(config.Data(dataset=str(folder), labels=labels, size=size, seed=0, drawn_faces=140))


def fill(place: Path, count: int, size: tuple[int, int] = (48, 48), seed: int = 0) -> None:
    place.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, len(place.name), count])
    for number in range(count):
        Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).save(place / f"{number}.png")


def test_emotions_alone_are_not_divided(tmp_path: Path) -> None:
    names = ("Anger", "DISGUST", "Fearful", "happiness", "Neutral", "6_sadness", "surprised")
    for name in names:
        fill(tmp_path / name, 4)
    (tmp_path / "README.txt").write_text("is passed over")
    faces = load(tmp_path)
    assert faces.counts() == {"": dict.fromkeys(EMOTIONS, 4)}
    assert faces.table["name"].is_unique
    assert faces.table["name"].tolist() == sorted(faces.table["name"])
    faces.save(tmp_path / "saved")
    assert type(faces).load(tmp_path / "saved").table.equals(faces.table)


def test_own_splits_are_kept(tmp_path: Path) -> None:
    for split, count in (("Train", 10), ("test", 3)):
        for emotion in EMOTIONS:
            fill(tmp_path / split / emotion, count)
    counts = load(tmp_path).counts()
    assert {usage: row["sad"] for usage, row in counts.items()} == {"Training": 10, "PrivateTest": 3}
    for emotion in EMOTIONS:
        fill(tmp_path / "validation" / emotion, 2)
    counts = load(tmp_path).counts()
    assert {usage: row["sad"] for usage, row in counts.items()} == {"Training": 10, "PublicTest": 2, "PrivateTest": 3}


def test_numbers_are_fer2013_s(tmp_path: Path) -> None:
    for number, emotion in enumerate(CHALLENGE_ORDER):
        fill(tmp_path / (emotion.upper() if number == 4 else str(number)), number + 3)
    with pytest.raises(FerError, match=r"by numbers: 0, 1, 2, 3, 5 and 1 more\..* set data\.labels to affectnet"):
        load(tmp_path)
    row = load(tmp_path, labels="fer2013").counts()[""]
    assert row == {emotion: CHALLENGE_ORDER.index(emotion) + 3 for emotion in EMOTIONS}
    fill(tmp_path / "7_happiness", 1)  # a number beside a word says nothing
    assert load(tmp_path, labels="fer2013").counts()[""]["happy"] == row["happy"] + 1
    with pytest.raises(FerError, match=r"data\.labels is 'mine': .* null or one of affectnet, fer2013, ferplus, rafdb"):
        load(tmp_path, labels="mine")


def test_every_unknown_name_is_named_once(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name in (*EMOTIONS, "7", "contempt"):
            fill(tmp_path / split / name, 1)
    with pytest.raises(FerError, match=r"emotion's: 7, contempt\. .*the numbers 0 angry, 1 disgust"):
        load(tmp_path, labels="fer2013")
    for name in ("a", "b", "c", "d", "e"):
        fill(tmp_path / "train" / name, 1)
    with pytest.raises(FerError, match=r": 7, a, b, c, contempt and 2 more\."):
        load(tmp_path, labels="fer2013")


def test_a_folder_in_the_wrong_place_is_named(tmp_path: Path) -> None:
    for emotion in EMOTIONS:
        fill(tmp_path / emotion, 3)
    for place, named in (("other/happy", "other"), ("happy/me", "happy/me"), ("train", "train"), ("", "its top")):
        fill(tmp_path / place, 1)
        with pytest.raises(FerError, match=rf"emotion's: {named}\. ") as caught:
            load(tmp_path)
        assert "numbers" not in str(caught.value)
        (tmp_path / place / "0.png").unlink()


def test_a_picture_becomes_its_central_square() -> None:
    picture = np.zeros((96, 192, 3), np.uint8)
    picture[:, 48:144] = 200
    for size in (32, 48, 96):
        face = images.face(Image.fromarray(picture), size)
        assert face.shape == (size, size)
        assert (face == 200).all()
    assert images.face(Image.fromarray(picture), 224).shape == (224, 224)
    deep = Image.fromarray(np.full((48, 48), 200 << 8, np.uint16))
    assert (images.face(deep, 48) == 200).all()


def test_faces_have_the_size_that_is_asked_for(tmp_path: Path) -> None:
    for emotion in EMOTIONS:
        fill(tmp_path / emotion, 3, size=(90, 70))
    faces = load(tmp_path, 64)
    assert faces.images.shape == (21, 64, 64)
    image = Image.open(tmp_path / faces.table["name"][0])
    np.testing.assert_array_equal(faces.images[0], images.face(image, 64))


def test_empty_classes_are_named(tmp_path: Path) -> None:
    with pytest.raises(FerError, match="holds no images"):
        load(tmp_path)
    for emotion in EMOTIONS[2:]:
        fill(tmp_path / emotion, 3)
    with pytest.raises(FerError, match=r"has too few faces of angry \(0\), disgust \(0\)\. .* at least 3 of each"):
        load(tmp_path)


def test_layouts_that_say_too_little(tmp_path: Path) -> None:
    for emotion in EMOTIONS:
        fill(tmp_path / "train" / emotion, 1)
    with pytest.raises(FerError, match="both train/ and test/"):
        load(tmp_path)
    for emotion in EMOTIONS:
        fill(tmp_path / "test" / emotion, 1)
    with pytest.raises(FerError, match=r"\(Training\) has too few faces of angry \(1\), disgust \(1\), .* at least 2"):
        load(tmp_path)
    fill(tmp_path / "sad", 1)
    with pytest.raises(FerError, match="Keep one of the two"):
        load(tmp_path)


def test_any_number_of_files_and_links_in_a_circle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILES", 3)
    for emotion in EMOTIONS:
        fill(tmp_path / "real" / emotion, 3)
    (tmp_path / "own").mkdir()
    for emotion in EMOTIONS:
        (tmp_path / "own" / emotion).symlink_to(tmp_path / "real" / emotion)
    (tmp_path / "real" / "sad" / "back").symlink_to(tmp_path / "own")
    (tmp_path / "own" / "unhappy").symlink_to(tmp_path / "real" / "sad")
    faces = load(tmp_path / "own")
    assert faces.counts() == {"": dict.fromkeys(EMOTIONS, 3)}
    assert not faces.table["name"].str.startswith("unhappy").any()


def test_an_unreadable_image_is_named(tmp_path: Path) -> None:
    for emotion in EMOTIONS:
        fill(tmp_path / emotion, 3)
    whole = (tmp_path / "sad" / "1.png").read_bytes()
    (tmp_path / "sad" / "1.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FerError, match=r"1.png is no readable image"):
        load(tmp_path)


def test_the_source_is_chosen_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shape(dataset: str, size: int = 48) -> tuple[int, ...]:
        return load(Path(dataset), size).images.shape

    for emotion in EMOTIONS:
        fill(tmp_path / emotion, 3)
    assert shape(str(tmp_path), 56) == (21, 56, 56)
    assert shape("drawn") == (140, 48, 48)
    with pytest.raises(FerError, match=r"data\.size is 56: the faces of drawn have 48 pixels a side"):
        shape("drawn", 56)
    with pytest.raises(FerError, match=r"neither fer2013 nor drawn .* nor an existing folder"):
        shape(str(tmp_path / "gone"))
    with pytest.raises(FerError, match=r"nor an existing folder in .*; an absolute path is found from everywhere"):
        shape("gone")
    (tmp_path / "faces.zip").touch()
    with pytest.raises(FerError, match=r"faces\.zip', a file\. Unpack it, and name the folder"):
        shape(str(tmp_path / "faces.zip"))
    monkeypatch.setenv("FER2013_ARCHIVE", str(tmp_path / "gone"))
    with pytest.raises(FerError, match="FER2013_ARCHIVE"):
        shape("fer2013")
