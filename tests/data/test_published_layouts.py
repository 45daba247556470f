"""Drawn faces laid out as the published data sets are: read to train on, and found to measure on."""

import io
import shutil
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from fer import config
from fer.data import images, sets
from fer.data.drawn import draw
from fer.data.faces import Faces
from fer.data.labels import Naming
from fer.data.sets.base import PictureSet
from fer.data.sets.rafdb import RafDb
from fer.emotions import EMOTIONS, INDEX
from fer.errors import FerError
from fer.inference import labelled

RAFDB = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")  # numbers 1 to 7
AFFECTNET = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")  # numbers 0 to 7
CKPLUS = {"anger": "angry", "disgust": "disgust", "fear": "fear", "happy": "happy", "sadness": "sad"}


@pytest.fixture(scope="module")
def faces() -> Faces:
    """Ten faces of each emotion."""
    return draw(70, 0)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for data_set in sets.DATA_SETS.values():
        monkeypatch.delenv(data_set.variable, raising=False)
    monkeypatch.setattr(RafDb, "official", {})


def settings(dataset: str, labels: str | None = None, size: int = 48) -> config.Data:
    return config.Data(dataset=dataset, labels=labels, size=size, seed=0, drawn_faces=140)


def put(image: np.ndarray, path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def write_rafdb(faces: Faces, top: str = "rafdb", separator: str = " ") -> list[str]:
    """Write the list and the aligned pictures; returns the emotion of each test picture."""
    lines, tested = [], []
    for number, (image, emotion) in enumerate(zip(faces.images, faces.table["emotion"], strict=True)):
        usage = "test" if number >= 49 else "train"
        put(image, f"{top}/Image/aligned/{usage}_{number:05d}_aligned.png")
        lines.append(f"{usage}_{number:05d}.jpg{separator}{RAFDB.index(emotion) + 1}")
        tested += [emotion] if usage == "test" else []
    (Path(top) / "EmoLabel").mkdir()
    (Path(top) / "EmoLabel/list_patition_label.txt").write_text("\n".join(lines) + "\n")
    return tested


def write_numbered(faces: Faces, top: str, order: tuple[str, ...], first: int = 0) -> None:
    for number, (image, emotion) in enumerate(zip(faces.images, faces.table["emotion"], strict=True)):
        put(image, f"{top}/{order.index(emotion) + first}/{number}.png")


def emotions(found: labelled.Labelled) -> list[str]:
    return [EMOTIONS[label] for label in found.labels]


@pytest.mark.parametrize("packed", [False, True])
def test_rafdb_is_trained_on_by_its_own_list(faces: Faces, packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    tested = write_rafdb(faces)
    path = shutil.make_archive("packed", "zip", "rafdb") if packed else "rafdb"
    monkeypatch.setenv("RAFDB_ARCHIVE", path)
    read = sets.load(settings("rafdb", size=64))
    assert read.images.shape == (70, 64, 64)
    assert sum(read.counts()["Training"].values()) == 49
    assert read.table.loc[read.table["usage"] == "PrivateTest", "emotion"].tolist() == tested
    again = sets.load(settings("rafdb"))
    rows = [int(name.rpartition("_aligned")[0][-5:]) for name in again.table["name"]]
    np.testing.assert_array_equal(again.images, faces.images[rows])


def test_rafdb_is_found_among_what_came_in(faces: Faces) -> None:
    write_rafdb(faces, "data/incoming/RAF-DB")
    assert len(sets.load(settings("rafdb"))) == 70


def test_a_data_set_that_is_missing_names_its_variable() -> None:
    with pytest.raises(FerError, match=r"RAFDB_ARCHIVE.*data/incoming"):
        sets.load(settings("rafdb"))


def test_rafdb_is_measured_on_by_its_own_list(faces: Faces) -> None:
    tested = write_rafdb(faces)
    found = labelled.find(Path("rafdb"), "test_*", "rafdb")
    assert emotions(found) == tested


def test_rafdb_s_folders_mean_its_own_numbers(faces: Faces) -> None:
    write_numbered(faces, "folders", RAFDB, first=1)
    found = labelled.find(Path("folders"), labels="rafdb")
    assert found.folders == {str(number): emotion for number, emotion in enumerate(RAFDB, start=1)}
    assert emotions(found).count("surprise") == 10
    own = sets.load(settings("folders", labels="rafdb"))
    assert own.table["emotion"].tolist() == [RAFDB[int(name[0]) - 1] for name in own.table["name"]]


@pytest.mark.parametrize("read", [lambda: labelled.find(Path("folders")), lambda: sets.load(settings("folders"))])
def test_numbers_that_nobody_named_are_refused(faces: Faces, read: Callable[[], object]) -> None:
    write_numbered(faces, "folders", RAFDB, first=1)
    with pytest.raises(FerError, match=r"folders called by numbers: 1, 2, 3, 4, 5 and 2 more\..*rafdb"):
        read()


def test_a_month_is_no_emotion(faces: Faces) -> None:
    put(faces.images[0], "album/2013/01/a.png")
    for labels in (None, *sets.DATA_SETS):
        with pytest.raises(FerError):
            labelled.find(Path("album/2013"), labels=labels and ("affectnet" if labels == "ferplus" else labels))


@pytest.mark.parametrize("name", ["suprise", "contempt", "7"])
def test_a_folder_that_is_no_emotion_s_is_refused_when_measuring(faces: Faces, name: str) -> None:
    put(faces.images[0], "photos/happy/a.png")
    put(faces.images[1], f"photos/{name}/b.png")
    with pytest.raises(FerError, match=name):
        labelled.find(Path("photos"))


def test_affectnet_leaves_contempt_out_and_says_how_many(
    faces: Faces, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("train", "val"):
        write_numbered(faces, f"affectnet/{part}", AFFECTNET)
        put(faces.images[0], f"affectnet/{part}/7/scorn.png")
    monkeypatch.setenv("AFFECTNET_ARCHIVE", "affectnet")
    read = sets.load(settings("affectnet"))
    assert "contempt 2" in capsys.readouterr().err
    # Its test set is not published: what its authors call validation is the test set here.
    assert read.counts() == {"PrivateTest": dict.fromkeys(EMOTIONS, 10), "Training": dict.fromkeys(EMOTIONS, 10)}
    found = labelled.find(Path("affectnet/val"), labels="affectnet")
    assert found.left_out == {"contempt": 1}
    assert found.folders["6"] == "angry"
    assert len(found.names) == 70


def test_ckplus_is_for_measuring_alone(faces: Faces) -> None:
    for number, (word, emotion) in enumerate({**CKPLUS, "contempt": "angry", "surprise": "surprise"}.items()):
        put(faces.images[INDEX[emotion]], f"ck/CK+48/{word}/S010_{number}.png")
    found = labelled.find(Path("ck"), labels="ckplus")
    assert sorted(emotions(found)) == sorted([*CKPLUS.values(), "surprise"])
    assert found.left_out == {"contempt": 1}
    with pytest.raises(FerError, match="no neutral"):
        sets.load(settings("ckplus"))


def test_ferplus_takes_the_majority_of_the_votes(faces: Faces) -> None:
    head = "name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    votes = ("Training_1,0,6,0,0,4,0,0,0,0,0", "Training_2,5,0,0,5,0,0,0,0,0,0", "PublicTest_3,0,0,0,0,1,0,0,9,0,0",
             "PublicTest_4,1,0,0,2,0,0,0,0,0,0")  # fmt: skip
    for row in votes:
        put(faces.images[0], f"set/angry/{row.partition(',')[0]}.png")
    Path("set/ferplus.csv").write_text("\n".join([head, *votes]) + "\n")
    found = labelled.find(Path("set"), labels="ferplus")
    by_name = dict(zip((Path(name).stem for name in found.names), emotions(found), strict=True))
    assert by_name == {"Training_1": "happy", "PublicTest_4": "sad"}  # a single vote does not count
    assert found.left_out == {"no majority": 1, "contempt": 1}


def test_a_data_set_is_one_object_and_one_line(faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    class Toy(PictureSet):
        """A data set whose classes are numbered backwards."""

        name = "toy"
        title = "Toy"
        naming = Naming(dict(enumerate(reversed(EMOTIONS))))
        incoming = ("toy*",)

    monkeypatch.setitem(sets.DATA_SETS, "toy", Toy())
    write_numbered(faces, "data/incoming/toy", tuple(reversed(EMOTIONS)))
    assert sets.load(settings("toy")).counts() == {"": dict.fromkeys(EMOTIONS, 10)}
    assert labelled.find(Path("data/incoming/toy"), labels="toy").folders["0"] == "surprise"
    assert len(sets.load(settings("data/incoming/toy", labels="toy"))) == 70


def test_a_name_that_is_no_utf8_costs_that_file_alone(faces: Faces) -> None:
    put(faces.images[0], "photos/happy/a.png")
    content = Path("photos/happy/a.png").read_bytes()
    with open(b"photos/happy/\xff.png", "wb") as file:
        file.write(content)
    found = labelled.find(Path("photos"))
    assert [Path(name).name for name in found.names] == ["a.png"]
    assert sum(found.left_out.values()) == 1


def png_header(width: int, height: int) -> bytes:
    chunks: Mapping[bytes, bytes] = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0),
        b"IDAT": zlib.compress(b"0"),
        b"IEND": b"",
    }
    parts = (struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks.items())
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("size", [(2_000_000, 1), (1, 2_000_000), (48, 100_000)])
def test_a_side_that_no_picture_has_is_one_line(size: tuple[int, int]) -> None:
    with pytest.raises(FerError, match=rf"long\.png has {size[0]:,} x {size[1]:,} pixels; at most .* a side"):
        images.decode(png_header(*size), "long.png")


def test_damaged_exif_is_that_picture_s_problem(faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object, **__: object) -> Image.Image:
        raise struct.error("unpack requires a buffer of 4 bytes")  # what Pillow raises on some mutated blocks

    stream = io.BytesIO()
    Image.fromarray(faces.images[0]).save(stream, "JPEG")
    monkeypatch.setattr(ImageOps, "exif_transpose", damaged)
    with pytest.raises(FerError, match=r"^odd\.jpg "):
        images.face(images.decode(stream.getvalue(), "odd.jpg"), 48, "odd.jpg")
