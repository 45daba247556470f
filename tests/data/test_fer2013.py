"""Every edition gives the same faces; every bad one is refused with a message that names the trouble."""

import bz2
import gzip
import lzma
import shutil
import sys
import tarfile
import types
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_faces import csv_text, png, write_tree

from fer.data.faces import Faces
from fer.data.sets import DATA_SETS, fer2013
from fer.emotions import EMOTIONS
from fer.errors import FerError

SPACED = "emotion, Usage, pixels"


def load(path: Path) -> Faces:
    return fer2013.Fer2013().read(path)


def same(one: Faces, other: Faces) -> None:
    np.testing.assert_array_equal(one.images, other.images)
    assert one.table.equals(other.table)


@pytest.mark.parametrize("suffix", ["", "zip", "tar", "gztar", "bztar", "xztar"])
def test_every_container_of_the_tree(tiny: Faces, tmp_path: Path, suffix: str) -> None:
    write_tree(tiny, tmp_path / "in" / "fer2013")
    (tmp_path / "in" / "fer2013" / ".DS_Store").write_text("junk")
    path = Path(shutil.make_archive(str(tmp_path / "set"), suffix, tmp_path / "in")) if suffix else tmp_path / "in"
    same(load(path), tiny)


CSV_EDITIONS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "fer2013.csv": ("emotion,pixels,Usage", bytes),
    "icml_face_data.csv": (SPACED, bytes),
    "fer2013.csv.gz": ("emotion,pixels,Usage", gzip.compress),
    "icml_face_data.csv.xz": (SPACED, lzma.compress),
    "fer2013.csv.bz2": ("emotion,pixels,Usage", bz2.compress),
}


@pytest.mark.parametrize("name", CSV_EDITIONS)
def test_every_csv(tiny: Faces, tmp_path: Path, name: str) -> None:
    """All CSVs give the same; their ids are row numbers, so the images alone agree with the tree's."""
    header, pack = CSV_EDITIONS[name]
    (tmp_path / name).write_bytes(pack(csv_text(tiny, header).encode()))
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "fer2013.csv").write_text(csv_text(tiny))
    faces = load(tmp_path / name)
    same(faces, load(tmp_path / "plain"))
    same(faces, faces.canonical())
    assert faces.counts() == tiny.counts()
    for emotion in EMOTIONS:
        ours, theirs = (set(map(bytes, s.images[s.table["emotion"] == emotion])) for s in (faces, tiny))
        assert ours == theirs


def test_csv_in_archives_wins_over_images(tiny: Faces, tmp_path: Path) -> None:
    folder = write_tree(tiny, tmp_path / "fer2013")
    (folder / "zz").mkdir()
    (folder / "zz" / "fer2013.csv").write_text(csv_text(tiny))
    (folder / "example_submission.csv").write_text("no data")
    packed = [Path(shutil.make_archive(str(tmp_path / "set"), kind, folder)) for kind in ("zip", "gztar")]
    expected = load(folder / "zz" / "fer2013.csv")
    for path in (folder, *packed):
        same(load(path), expected)


def test_a_tree_packed_twice_counts_once(tiny: Faces, tmp_path: Path) -> None:
    write_tree(tiny, tmp_path / "a")
    write_tree(tiny, tmp_path / "a" / "again")
    same(load(tmp_path / "a"), tiny)


def test_colour_becomes_grey(make_tree: Callable[[], Path], tiny: Faces) -> None:
    folder = make_tree()
    file = next(folder.rglob("*.png"))
    Image.open(file).convert("RGB").save(file)
    same(load(folder), tiny)


def test_sources_in_their_order(tiny: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FER2013_ARCHIVE", raising=False)
    fer2013_set = DATA_SETS["fer2013"]
    incoming = Path("data/incoming")
    incoming.mkdir(parents=True)
    (incoming / ".gitignore").write_text("*")
    fetched = write_tree(tiny, tmp_path / "kaggle")
    asked: list[str] = []

    def dataset_download(name: str) -> str:
        asked.append(name)
        return str(fetched)

    monkeypatch.setitem(sys.modules, "kagglehub", types.SimpleNamespace(dataset_download=dataset_download))
    same(fer2013_set.load(None), tiny)
    assert asked == ["msambare/fer2013"]
    shutil.make_archive(str(incoming / "mine"), "zip", fetched)
    same(fer2013_set.load(None), tiny)
    (incoming / "notes.txt").write_text("an archive beside other files is still found")
    same(fer2013_set.load(None), tiny)
    # What belongs to another data set is not FER2013's.
    (incoming / "notes.txt").unlink()
    (incoming / "fer2013new.csv").write_text("")
    (incoming / "rafdb").mkdir()
    assert fer2013_set.find() == incoming / "mine.zip"
    monkeypatch.setenv("FER2013_ARCHIVE", str(tmp_path / "gone"))
    with pytest.raises(FerError, match=r"FER2013_ARCHIVE names .*gone.* doesn't exist"):
        fer2013_set.load(None)
    assert len(asked) == 1


def test_no_data_and_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dataset_download(name: str) -> str:
        raise ConnectionError("no\nroute")

    monkeypatch.setitem(sys.modules, "kagglehub", types.SimpleNamespace(dataset_download=dataset_download))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FER2013_ARCHIVE", raising=False)
    with pytest.raises(FerError, match=r"no route.*FER2013_ARCHIVE.*data/incoming/.*kagglehub") as caught:
        DATA_SETS["fer2013"].load(None)
    assert "\n" not in str(caught.value)


def test_missing_faces_are_counted(make_tree: Callable[[], Path]) -> None:
    folder = make_tree()
    (folder / "test" / "fear" / "PublicTest_00001.png").unlink()
    with pytest.raises(FerError, match="fear/PublicTest: 1 expected, 0 found"):
        load(folder)


def test_official_counts_are_the_challenge_s() -> None:
    assert {usage: sum(row) for usage, row in fer2013.Fer2013.official.items()} == {
        "Training": 28_709,
        "PublicTest": 3_589,
        "PrivateTest": 3_589,
    }


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("angry/Training_00001.png", b"not an image", "Training_00001.png is no readable image"),
        ("angry/Training_00001.png", png(np.zeros((64, 48), np.uint8)), "48 x 64 pixels instead of 48 x 48"),
        ("angry/face.png", png(np.zeros((48, 48), np.uint8)), "doesn't begin with Training_"),
        ("bored/Training_00009.png", png(np.zeros((48, 48), np.uint8)), "bored is no emotion"),
        ("angry/Training_00009.png", bytes(2 << 20), "larger than 1 MB"),
        ("anger/Training_00001.png", png(np.zeros((48, 48), np.uint8)), "Two different images"),
    ],
)
def test_bad_images(make_tree: Callable[[], Path], name: str, content: bytes, message: str) -> None:
    place = make_tree() / "train" / name
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(content)
    with pytest.raises(FerError, match=message):
        load(place.parents[2])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("emotion,pixels", "emotion,dots", "no column pixels"),
        ("emotion,", "feeling,", "no column emotion"),
        (",Usage", ",usual", "no column usage"),
        (",PublicTest", ",Public", "the usage 'Public'"),
        (" 7 ", " 256 ", "'256' is no whole number from 0 to 255"),
        (" 7 ", " -7 ", "'-7' is no whole number"),
        (" 7 ", " ", "row [0-9]+: 230[0-9] pixels, 2304 expected"),
        ("\n3,", "\n8,", "the emotion '8'"),
        ("\n3,", "\n3,3,", "4 cells, 3 expected"),
    ],
)
def test_bad_csv(tiny: Faces, tmp_path: Path, old: str, new: str, message: str) -> None:
    text = csv_text(tiny)
    assert old in text
    (tmp_path / "fer2013.csv").write_text(text.replace(old, new))
    with pytest.raises(FerError, match=message):
        load(tmp_path / "fer2013.csv")


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "zip", "tar", "tar.gz", "tar.xz", "tar.bz2"])
def test_half_a_file(tiny: Faces, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"fer2013.{kind}"
    if kind.startswith("csv"):
        text = csv_text(tiny).encode()
        path.write_bytes(gzip.compress(text) if kind == "csv.gz" else text)
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("fer2013.csv", csv_text(tiny))
    else:
        with tarfile.open(path, f"w:{kind.partition('.')[2]}") as tar:
            tar.add(write_tree(tiny, tmp_path / "tree"), "fer2013")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FerError, match=r"damaged or incomplete|not the complete FER2013|cut off"):
        load(path)


@pytest.mark.parametrize(
    ("file", "message"),
    [("notes.txt", "neither a folder nor"), ("a.zip", "can't be read to its end"), ("b.tar", "can't be read")],
)
def test_no_data_set_at_all(tmp_path: Path, file: str, message: str) -> None:
    (tmp_path / file).write_text("something else")
    with pytest.raises(FerError, match=message):
        load(tmp_path / file)


def test_an_empty_folder_and_one_with_several_archives(tmp_path: Path) -> None:
    with pytest.raises(FerError, match="holds no FER2013"):
        load(tmp_path)
    for name in ("a.zip", "b.zip"):
        (tmp_path / name).write_text("")
    with pytest.raises(FerError, match=r"several archives \(a.zip, b.zip\)"):
        load(tmp_path)


def test_pixels_are_checked_where_the_counts_are_right(
    make_tree: Callable[[], Path], tiny: Faces, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_tree()
    monkeypatch.setattr(fer2013, "EDITIONS", {tiny.digest(): "small"})
    assert fer2013.edition(load(path).digest()) == "small"
    assert not capsys.readouterr().err

    first, second = sorted((path / "train" / "sad").iterdir())[:2]
    whole = first.read_bytes()
    first.write_bytes(second.read_bytes())  # one face dropped, another doubled
    faces = load(path)
    assert "its pixels are of no edition that is known here" in capsys.readouterr().err
    assert fer2013.edition(faces.digest()) == "unknown"

    first.write_bytes(whole)
    pixels = tiny.images[0].copy()
    pixels[0, 0] ^= 1  # one grey level of one pixel
    (changed,) = path.glob(f"*/{tiny.table['name'][0]}.png")
    changed.write_bytes(png(pixels))
    load(path)
    assert "may be a CSV edition or an altered copy" in capsys.readouterr().err
