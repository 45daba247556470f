"""Other data sets than FER2013, laid out as the real ones are and filled with drawn faces."""

import shutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from small_faces import csv_text, write_tree

from fer import config
from fer.data import labels, sets
from fer.data.drawn import draw
from fer.data.faces import Faces
from fer.data.sets import rafdb
from fer.data.sets.pictures import PictureSet
from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.inference import labelled

RAFDB = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
AFFECTNET = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project without any copy of a data set."""
    monkeypatch.chdir(tmp_path)
    for data_set in sets.DATA_SETS.values():
        monkeypatch.delenv(data_set.variable, raising=False)
    Path("data/incoming").mkdir(parents=True)
    return tmp_path


@pytest.fixture(scope="module")
def drawn() -> Faces:
    return draw(70, seed=5)


def load(dataset: str, size: int = 48) -> Faces:
    return sets.load(config.Data(dataset=dataset, labels=None, size=size, seed=0, drawn_faces=140))


def save(drawn: Faces, emotion: str, number: int, path: Path, side: int = 48) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    row = np.flatnonzero(drawn.table["emotion"] == emotion)[number]
    Image.fromarray(drawn.images[row]).resize((side, side)).save(path)


def by_emotion(folder: Path, found: labelled.Labelled) -> Counter[tuple[str, str]]:
    """How many pictures of each folder have each emotion."""
    return Counter(
        (Path(name).parent.name, EMOTIONS[label]) for name, label in zip(found.names, found.labels, strict=True)
    )


@pytest.fixture
def raf_db(project: Path, drawn: Faces, monkeypatch: pytest.MonkeyPatch) -> Path:
    """RAF-DB with three train faces and one test face an emotion, in a folder that wraps it."""
    counts = {"Training": (3,) * 7, "PrivateTest": (1,) * 7}
    monkeypatch.setattr(rafdb.RafDb, "official", counts)
    top, lines, number = Path("basic"), [], 0
    for value, emotion in enumerate(RAFDB, start=1):
        for copy, part in enumerate(("train", "train", "train", "test")):
            number += 1
            save(drawn, emotion, copy, top / f"Image/aligned/{part}_{number:05d}_aligned.jpg", 100)
            save(drawn, emotion, copy, top / f"Image/original/{part}_{number:05d}.jpg", 130)
            lines.append(f"{part}_{number:05d}.jpg {value}\n")
    (top / "EmoLabel").mkdir()
    (top / "EmoLabel/list_patition_label.txt").write_text("".join(lines))
    return top


@pytest.mark.parametrize("packed", [False, True])
def test_rafdb(raf_db: Path, packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if packed:
        labels_file = raf_db / "EmoLabel/list_patition_label.txt"
        labels_file.write_text(labels_file.read_text().replace(" ", "\t"))
        shutil.make_archive("data/incoming/rafdb", "gztar", ".", raf_db)
    else:
        monkeypatch.setenv("RAFDB_ARCHIVE", str(raf_db))
    faces = load("rafdb", 64)
    assert faces.images.shape == (28, 64, 64)
    assert faces.counts() == {"Training": dict.fromkeys(EMOTIONS, 3), "PrivateTest": dict.fromkeys(EMOTIONS, 1)}
    assert all("_aligned" in name for name in faces.table["name"])
    first = faces.table.loc[faces.table["name"].str.endswith("train_00001_aligned.jpg"), "emotion"].item()
    assert first == "surprise"


def test_rafdb_that_is_not_complete(raf_db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FerError, match=r"RAF-DB was not found\. Set RAFDB_ARCHIVE .*data/incoming"):
        load("rafdb")
    monkeypatch.setenv("RAFDB_ARCHIVE", str(raf_db))
    picture = raf_db / "Image/aligned/train_00001_aligned.jpg"
    shutil.move(picture, "kept.jpg")
    with pytest.raises(FerError, match="names 1 pictures that are not there: train_00001"):
        load("rafdb")
    shutil.move("kept.jpg", picture)
    text = raf_db / "EmoLabel/list_patition_label.txt"
    whole = text.read_text()
    text.write_text(whole.replace(" 1\n", " 2\n", 1))
    with pytest.raises(FerError, match="not the complete RAF-DB"):
        load("rafdb")
    text.write_text(whole.replace(" 1\n", " 8\n", 1))
    with pytest.raises(FerError, match=r"line 1: 'train_00001\.jpg 8' is not like"):
        load("rafdb")


def test_rafdb_s_counts_are_the_published_ones() -> None:
    assert [sum(row) for row in sets.DATA_SETS["rafdb"].official.values()] == [12_271, 3_068]


def test_measuring_on_rafdb(raf_db: Path, drawn: Faces) -> None:
    found = labelled.find(raf_db / "..", "*_aligned.jpg", "rafdb")
    assert Counter(found.labels) == dict.fromkeys(range(7), 4)
    for value, emotion in enumerate(RAFDB, start=1):
        save(drawn, emotion, 0, Path(f"digits/test/{value}/a.png"))
    found = labelled.find(Path("digits"), labels="rafdb")
    assert by_emotion(Path("digits"), found) == {(str(n), e): 1 for n, e in enumerate(RAFDB, start=1)}
    assert found.describe() == ["Folders: " + ", ".join(f"{n} = {e}" for n, e in enumerate(RAFDB, start=1))]
    with pytest.raises(FerError, match=r"by numbers: 1, 2.*--labels affectnet or fer2013 or ferplus or rafdb"):
        labelled.find(Path("digits"))
    with pytest.raises(FerError, match=r"no emotion's: 7\."):  # not FER2013's, which has 0 to 6
        labelled.find(Path("digits"), labels="fer2013")


def test_affectnet(project: Path, drawn: Faces, capsys: pytest.CaptureFixture[str]) -> None:
    top = Path("data/incoming/affectnet")
    for part, count in (("train", 2), ("val", 1)):
        for value, emotion in enumerate((*AFFECTNET, "happy")):  # 7 is contempt, whatever it looks like
            for number in range(count):
                save(drawn, emotion, number, top / part / str(value) / f"{number}.png")
    faces = load("affectnet")
    assert faces.counts() == {"Training": dict.fromkeys(EMOTIONS, 2), "PrivateTest": dict.fromkeys(EMOTIONS, 1)}
    assert "Left out of data/incoming/affectnet: 3 pictures (contempt 3)" in capsys.readouterr().err
    found = labelled.find(top / "val", labels="affectnet")
    assert by_emotion(top, found) == {(str(n), e): 1 for n, e in enumerate(AFFECTNET)}
    assert found.describe()[1] == "Left out: 1 contempt"


def test_affectnet_s_lists(project: Path, drawn: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFECTNET_ARCHIVE", "net")
    head = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence\n"
    for file, count in (("training", 3), ("validation", 1)):
        lines = [head]
        for value, emotion in enumerate((*AFFECTNET, "sad", "sad", "sad", "sad")):  # 7 contempt, 8 none, 9, 10
            for number in range(count):
                path = f"{value}/{file}_{number}.png"
                save(drawn, emotion, number, Path("net/Manually_Annotated_Images", path))
                box = "NULL,NULL,NULL,NULL" if value == 10 else "8,8,32,32"
                lines.append(f'{path},{box},"1;2",{value},-2\n')
        Path(f"net/{file}.csv").write_text("".join(lines))
    faces = load("affectnet", 32)
    assert faces.counts() == {"Training": dict.fromkeys(EMOTIONS, 3), "PrivateTest": dict.fromkeys(EMOTIONS, 1)}
    picture = np.asarray(Image.open(Path("net", faces.table["name"][0])))
    np.testing.assert_array_equal(faces.images[0], picture[8:40, 8:40])
    Path("net/validation.csv").write_text(head + "0/gone.png,8,8,32,32,,1,0\n")
    with pytest.raises(FerError, match="of which 33 are there"):
        load("affectnet", 32)


def test_ckplus_is_for_measuring(project: Path, drawn: Faces) -> None:
    words = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
    for word in words:
        save(drawn, labels.emotion_named(word) or "sad", 0, Path("CK+48", word, "S010_004_00000017.png"))
    found = labelled.find(Path("CK+48"), labels="ckplus")
    assert len(found.names) == 6
    assert found.left_out == {"contempt": 1}
    assert "anger = angry, contempt, disgust" in found.describe()[0]
    with pytest.raises(FerError, match=r"no emotion's: contempt\."):
        labelled.find(Path("CK+48"))
    with pytest.raises(FerError, match=r"CK\+ has no neutral faces.*fer evaluate DIR --labels ckplus"):
        load("ckplus")


COLUMNS = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
ORDER = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt", "unknown", "no face")


def votes(emotion: str, most: int = 8) -> str:
    """Ten votes: most for one class, the others single."""
    row = [0] * 10
    row[ORDER.index(emotion)] = most
    for place in range(10 - most):
        row[(ORDER.index(emotion) + 1 + place) % 10] += 1
    return ",".join(map(str, row))


def test_ferplus_by_name(tiny: Faces, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{usage}_{number:05d}" for number, usage in enumerate(tiny.table["usage"])]
    table = tiny.table.assign(name=[f"{e}/{n}" for e, n in zip(tiny.table["emotion"], names, strict=True)])
    faces = Faces(tiny.images, table)
    monkeypatch.setenv("FER2013_ARCHIVE", str(write_tree(faces, project / "fer2013")))
    # All labels move on by one, but for one picture of each reason to be left out, and one without votes.
    moved = {emotion: EMOTIONS[(index + 1) % 7] for index, emotion in enumerate(EMOTIONS)}
    rows = [f"{name},{votes(moved[e])}" for name, e in zip(names, table["emotion"], strict=True)]
    rows[0:3] = [f"{names[0]},{votes('contempt')}", f"{names[1]},3,3,3,0,0,0,0,0,1,0", f"{names[5]},{votes('no face')}"]
    del rows[5]
    rows.pop()
    Path("data/incoming/ferplus.csv").write_text("\n".join([f"name,{COLUMNS}", *rows]))
    got = load("ferplus")
    expected = dict(zip(names, table["emotion"], strict=True))
    for name, emotion in zip(got.table["name"], got.table["emotion"], strict=True):
        assert emotion == moved[expected[name.partition("/")[2]]]
        assert name.startswith(f"{emotion}/")
    assert {name.partition("/")[2] for name in got.table["name"]} == {*names} - {names[i] for i in (0, 1, 2, 5, -1)}
    by_pixels = {image.tobytes(): name for image, name in zip(faces.images, names, strict=True)}
    assert all(
        by_pixels[i.tobytes()] == n.partition("/")[2] for i, n in zip(got.images, got.table["name"], strict=True)
    )
    found = labelled.find(project / "fer2013/test", labels="ferplus")
    assert set(found.left_out) <= {"contempt", "no majority", "no face", "without a label"}
    assert all(
        EMOTIONS[label] == moved[Path(n).parent.name] for n, label in zip(found.names, found.labels, strict=True)
    )


def test_ferplus_by_row(tiny: Faces, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = csv_text(tiny)
    Path("fer2013.csv").write_text(text)
    monkeypatch.setenv("FER2013_ARCHIVE", "fer2013.csv")
    monkeypatch.setenv("FERPLUS_ARCHIVE", "fer2013new.csv")
    challenge = [sets.DATA_SETS["fer2013"].naming.numbers[int(line[0])] for line in text.splitlines()[1:]]
    usages = [line.rpartition(",")[2] for line in text.splitlines()[1:]]
    rows = [f"{usage},fer.png,{votes(e)}" for usage, e in zip(usages, challenge, strict=True)]
    Path("fer2013new.csv").write_text("\n".join([f"Usage,Image name,{COLUMNS}", *rows]))
    assert load("ferplus").table.equals(load("fer2013").table)
    monkeypatch.setenv("FER2013_ARCHIVE", str(write_tree(tiny, project / "tree")))
    with pytest.raises(FerError, match=r"goes by the rows of fer2013\.csv"):
        load("ferplus")


def test_ferplus_by_the_names_that_its_own_scripts_give(project: Path, drawn: Faces) -> None:
    happy, nameless = votes("happy"), votes("sad")
    for number in range(4):
        save(drawn, "fear", 0, Path(f"FER2013Test/fer{number:07d}.png"))
    rows = [f"Training,,{nameless}", *(f"PrivateTest,fer{number:07d}.png,{happy}" for number in (2, 0))]
    Path("FER2013Test/fer2013new.csv").write_text("\n".join([f"Usage,Image name,{COLUMNS}", *rows]))
    found = labelled.find(Path("FER2013Test"), labels="ferplus")
    assert found.names == ["FER2013Test/fer0000000.png", "FER2013Test/fer0000002.png"]
    assert {EMOTIONS[label] for label in found.labels} == {"happy"}
    assert found.left_out == {"without a label": 2}


def test_a_row_of_ferplus_without_a_name_has_no_face(tiny: Faces, project: Path, monkeypatch) -> None:
    Path("fer2013.csv").write_text(csv_text(tiny))
    monkeypatch.setenv("FER2013_ARCHIVE", "fer2013.csv")
    usages = [line.rpartition(",")[2] for line in csv_text(tiny).splitlines()[1:]]
    rows = [f"{usage},fer{row:07d}.png,{votes(EMOTIONS[row % 7])}" for row, usage in enumerate(usages)]
    rows[0] = rows[0].replace("fer0000000.png", "")
    Path("data/incoming/fer2013new.csv").write_text("\n".join([f"Usage,Image name,{COLUMNS}", *rows]))
    assert len(load("ferplus")) == len(tiny) - 1


def test_ferplus_takes_the_majority_of_the_votes(project: Path, drawn: Faces) -> None:
    rows = ("Training_1,0,6,0,0,4,0,0,0,0,0", "Training_2,5,0,0,5,0,0,0,0,0,0", "PublicTest_3,0,0,0,0,1,0,0,9,0,0",
            "PublicTest_4,1,0,0,2,0,1,0,0,0,0")  # fmt: skip
    for row in rows:
        save(drawn, "angry", 0, Path(f"set/angry/{row.partition(',')[0]}.png"))
    Path("set/ferplus.csv").write_text("\n".join([f"name,{COLUMNS}", *rows]))
    found = labelled.find(Path("set"), labels="ferplus")
    by_name = {Path(name).stem: EMOTIONS[label] for name, label in zip(found.names, found.labels, strict=True)}
    assert by_name == {"Training_1": "happy", "PublicTest_4": "sad"}  # a single vote does not count
    assert found.left_out == {"no majority": 1, "contempt": 1}


def test_labels_beside_a_data_set_with_its_own_are_refused(project: Path) -> None:
    settings = config.Data(dataset="fer2013", labels="rafdb", size=48, seed=0, drawn_faces=140)
    with pytest.raises(FerError, match=r"data\.labels is 'rafdb', but fer2013 has labels of its own"):
        sets.check(settings)


def test_a_folder_of_people_s_photos_is_not_taken_for_emotions(project: Path, drawn: Faces) -> None:
    save(drawn, "sad", 0, Path("album/2013/01/a.png"))
    with pytest.raises(FerError, match="called by numbers: 01"):
        labelled.find(Path("album"))
    with pytest.raises(FerError, match=r"no emotion's: 01\."):
        labelled.find(Path("album"), labels="fer2013")
    for word in ("suprise", "contempt", "7"):
        save(drawn, "happy", 0, Path("set/happy/a.png"))
        save(drawn, "sad", 0, Path("set", word, "a.png"))
        with pytest.raises(FerError, match=word):
            labelled.find(Path("set"))
        shutil.rmtree("set")
    save(drawn, "sad", 0, Path("both/happy/sad/a.png"))
    with pytest.raises(FerError, match="happy/sad"):
        labelled.find(Path("both"))
    with pytest.raises(FerError, match=r"--labels mine: there is no such data set\. Choose from fer2013"):
        labelled.find(Path("both"), labels="mine")


def test_a_name_that_is_no_utf8_is_left_out_alone(project: Path, drawn: Faces) -> None:
    save(drawn, "happy", 0, Path("set/happy/a.png"))
    shutil.copy("set/happy/a.png", b"set/happy/\xff.png")
    found = labelled.find(Path("set"))
    assert found.names == ["set/happy/a.png"]
    assert found.describe()[1] == "Left out: 1 with a name that is not valid UTF-8"


class Toy(PictureSet):
    """A data set as somebody would add it: this class and a line of the table."""

    name = "toy"
    title = "Toy faces"
    naming = labels.Naming(dict(enumerate(reversed(EMOTIONS))))
    incoming = ("toy*",)


def test_a_data_set_is_one_object(project: Path, drawn: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sets.DATA_SETS, "toy", Toy())
    for value, emotion in enumerate(reversed(EMOTIONS)):
        for number in range(3):
            save(drawn, emotion, number, Path(f"data/incoming/toy/faces/{value}/{number}.png"), 60)
    faces = load("toy", 60)
    assert faces.images.shape == (21, 60, 60)
    assert faces.counts() == {"": dict.fromkeys(EMOTIONS, 3)}
    found = labelled.find(Path("data/incoming/toy"), labels="toy")
    assert by_emotion(Path(), found) == {(str(n), e): 3 for n, e in enumerate(reversed(EMOTIONS))}
    settings = SimpleNamespace(dataset="toy", labels=None, size=60)
    assert sets.local_sources(settings) == [Path("data/incoming/toy")]
    assert sets.DATA_SETS["toy"].variable == "TOY_ARCHIVE"
