"""Readers of what users bring, fed with what nobody would write: the answer is a result or one FerError."""

import contextlib
import io
import json
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import example, given, settings, strategies as st
from PIL import Image

from fer import artifacts, config
from fer.data import editions, images, splits
from fer.data.faces import Faces
from fer.data.labels import WORDS_ALONE
from fer.data.sets.folder import Folder
from fer.emotions import EMOTIONS
from fer.errors import FerError
from fer.landmarks.extract import FaceLandmarks
from tests import known_params

# The same examples in every run: a failure is a commit's, never chance. Raise the number to look for new ones.
FEW = settings(max_examples=30, deadline=None, derandomize=True, database=None)
bytes_ = st.binary(max_size=400)
# Names as archives may hold them.
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
words = st.sampled_from(["train", "test", "val", "sad", "happy", "3", "..", "", "/", "Training_1.jpg", "a.png", "😀"])
paths = st.lists(words, min_size=1, max_size=4).map("/".join) | names


@contextlib.contextmanager
def somewhere() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:
        yield Path(place)


def answers(read, *arguments) -> object:
    """A result, or None for one clear line."""
    said = ""
    try:
        return read(*arguments)
    except FerError as error:
        said = error.message
    assert said
    assert len(said.splitlines()) == 1
    return None


def picture(mode: str = "L", kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.effect_noise((48, 48), 60).convert(mode).save(file, kind)
    return file.getvalue()


def damaged(data: bytes) -> st.SearchStrategy[bytes]:
    """A file with a piece cut out, turned round or overwritten."""
    place = st.integers(0, len(data))

    def apply(cut: tuple[int, int, bytes]) -> bytes:
        start, end, middle = min(cut[:2]), max(cut[:2]), cut[2]
        return data[:start] + middle + data[end:]

    return st.tuples(place, place, st.binary(max_size=20)).map(apply)


KINDS = [picture("L", "PNG"), picture("RGB", "JPEG"), picture("P", "GIF"), picture("L", "BMP"), picture("L", "TIFF")]


@pytest.mark.slow
@FEW
@given(st.one_of(bytes_, *map(damaged, KINDS)))
@example(b"")
def test_pictures(data):
    found = answers(images.decode, data, "a picture")
    if isinstance(found, Image.Image):
        face = answers(images.face, found, 48)
        assert face is None or (face.shape == (48, 48) and face.dtype == np.uint8)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Duplicate name")
@FEW
@given(st.lists(st.tuples(paths, bytes_ | st.sampled_from(KINDS)), max_size=5), st.sampled_from(["zip", "tar"]))
def test_archives(members, kind):
    with somewhere() as place:
        path = place / f"set.{kind}"
        with contextlib.suppress(ValueError, UnicodeError):
            if kind == "zip":
                with zipfile.ZipFile(path, "w") as archive:
                    for name, data in members:
                        archive.writestr(zipfile.ZipInfo(name), data)
            else:
                with tarfile.open(path, "w") as archive:
                    for name, data in members:
                        member = tarfile.TarInfo(name)
                        member.size = len(data)
                        archive.addfile(member, io.BytesIO(data))
        if path.exists():
            answers(editions.read, path)
        assert {found.name for found in place.iterdir()} <= {path.name}


def archive_bytes(kind: str) -> bytes:
    file = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("train/sad/Training_1.png", picture())
    else:
        with tarfile.open(fileobj=file, mode=f"w:{kind}") as archive:
            member = tarfile.TarInfo("train/sad/Training_1.png")
            member.size = len(picture())
            archive.addfile(member, io.BytesIO(picture()))
    return file.getvalue()


@pytest.mark.parametrize("kind", ["zip", "gz", "bz2", "xz"])
def test_damaged_archives(kind):
    @FEW
    @given(damaged(archive_bytes(kind)))
    def run(data):
        with somewhere() as place:
            path = place / ("set.zip" if kind == "zip" else f"set.tar.{kind}")
            path.write_bytes(data)
            answers(editions.read, path)

    run()


cells = st.one_of(st.integers(-3, 300).map(str), st.text(max_size=8), st.just(" ".join(["7"] * 2304)))
rows = st.lists(st.lists(cells, max_size=4).map(",".join), max_size=6)


@FEW
@given(rows.map(lambda found: "\n".join(["emotion,pixels,Usage", *found]).encode(errors="replace")) | bytes_)
def test_tables_of_pixels(data):
    with somewhere() as place:
        path = place / "fer2013.csv"
        path.write_bytes(data)
        answers(editions.read, path)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@FEW
@given(st.data())
def test_params(data):
    content = known_params.read()
    section = data.draw(st.sampled_from(sorted(content)))
    key = data.draw(st.sampled_from(sorted(content[section])))
    content[section][key] = data.draw(values)
    with somewhere() as place:
        (place / "params.yaml").write_text(yaml.safe_dump(content))
        answers(config.load, place / "params.yaml")


@FEW
@given(bytes_ | st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
def test_yaml(data):
    with somewhere() as place:
        (place / "params.yaml").write_bytes(data)
        answers(config.load, place / "params.yaml")


@FEW
@given(bytes_ | values.map(lambda value: json.dumps(value).encode()))
def test_json(data):
    with somewhere() as place:
        (place / "some.json").write_bytes(data)
        found = answers(artifacts.read_json, place / "some.json")
        assert found is None or isinstance(found, dict)


def split_bytes() -> bytes:
    header = ",".join(splits.COLUMNS)
    return "\n".join([header, *(f"face{row},{row},train,,-1,False" for row in range(9))]).encode() + b"\n"


@FEW
@given(bytes_ | damaged(split_bytes()))
@example(split_bytes())
def test_splits(data):
    with somewhere() as place:
        (place / "splits.csv").write_bytes(data)
        found = answers(splits.read, place / "splits.csv", 9)
        if found is not None:
            assert list(found.columns) == list(splits.COLUMNS)
            assert set(found["split"]) <= {"train", "val", "test", "excluded"}
            splits.members(found, "official")


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@FEW
@given(bytes_ | damaged(saved(np.zeros((3, 48, 48), np.uint8))))
def test_faces_and_landmarks(data):
    with somewhere() as place:
        for name in ("images.npy", "points.npy", "views.npy"):
            (place / name).write_bytes(data)
        (place / "faces.csv").write_text("name,usage,emotion\n" + "".join(f"{n},,sad\n" for n in range(3)))
        for kind in (Faces, FaceLandmarks):
            answers(kind.load, place)


@pytest.mark.slow
@FEW
@given(st.lists(st.tuples(paths, st.sampled_from(KINDS) | bytes_), max_size=6))
def test_own_folders(files):
    with somewhere() as place:
        for emotion in EMOTIONS:
            (place / emotion).mkdir()
            for number in range(3):
                (place / emotion / f"{number}.png").write_bytes(picture())
        for name, data in files:
            path = place / name.strip("/").replace("..", "up").replace("\0", "0")
            with contextlib.suppress(OSError, ValueError):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        answers(Folder(str(place), WORDS_ALONE).read, place, 48)
