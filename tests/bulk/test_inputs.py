"""Each kind of input: pictures, tars, Parquet files; on disk and by URL; whole and damaged."""

import io
import os
import tarfile
from pathlib import Path

import fsspec
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from fer.bulk.storage import Place
from fer.emotions import EMOTIONS
from tests.bulk.conftest import COUNT, bulk, table
from tests.data.small_faces import png


@pytest.fixture
def contents(pictures, faces):
    """The files of the faces, as bytes."""
    return [png(face) for face in faces[0]]


def write_tar(path, contents, mode="w"):
    with tarfile.open(path, mode) as tar:
        for number, content in enumerate(contents):
            for name, data in ((f"{number}.png", content), (f"{number}.cls", b"3")):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))


def write_parquet(path, columns, rows=4):
    pyarrow.parquet.write_table(pyarrow.table(columns), path, row_group_size=rows)


@pytest.mark.parametrize(("suffix", "mode"), [(".tar", "w"), (".tar.gz", "w:gz"), (".tgz", "w:gz")])
def test_tars(contents, alone, faces, suffix, mode):
    os.mkdir("in")
    write_tar(f"in/x{suffix}", contents[:3], mode)
    write_tar(f"in/y{suffix}", contents[3:], mode)
    assert bulk("in", "out").exit_code == 0
    expected = [*(f"in/x{suffix}#{number}.png" for number in range(3)), *(f"in/y{suffix}#{n}.png" for n in range(4))]
    found = table()
    assert list(found["file"]) == expected
    np.testing.assert_allclose(found[list(EMOTIONS)], faces[1], atol=2e-4)
    assert len(alone) == 2


@pytest.mark.parametrize("damage", ["cut", "header", "empty", "none", "gone"])
def test_damaged_tars_have_a_row(contents, alone, damage):
    write_tar("x.tar", [] if damage == "none" else contents)
    data = Path("x.tar").read_bytes()
    if damage == "cut":
        Path("x.tar").write_bytes(data[: len(data) // 2])
    elif damage == "header":
        middle = 4 * 512 * 4
        Path("x.tar").write_bytes(data[:middle] + b"\xff" * 512 * 6 + data[middle + 512 * 6 :])
    elif damage == "empty":
        Path("x.tar").write_bytes(b"")
    elif damage == "gone":
        alone.fail_at = 0
        bulk("x.tar", "out")
        Path("x.tar").unlink()
        write_tar("y.tar", contents)
    assert bulk("y.tar" if damage == "gone" else "x.tar", "out").exit_code == 1
    found = table().set_index("file")
    assert not found.loc["x.tar", "read"]
    words = {"none": "holds no pictures", "gone": "can't be read (No such file or directory)"}
    assert words.get(damage, "x.tar is damaged") in found.loc["x.tar", "problem"]
    if damage in ("cut", "header"):
        assert 0 < found["read"].sum() < COUNT


@pytest.mark.parametrize("rows", [2, 4, 100])
def test_parquet_of_pictures(contents, alone, faces, rows):
    images = [{"bytes": content, "path": f"{number}.png"} for number, content in enumerate(contents)]
    write_parquet("x.parquet", {"label": list(range(COUNT)), "image": images}, rows)
    assert bulk("x.parquet", "out").exit_code == 0
    found = table()
    assert list(found["file"]) == [f"x.parquet#{number}" for number in range(COUNT)]
    np.testing.assert_allclose(found[list(EMOTIONS)], faces[1], atol=2e-4)
    assert len(alone) == {2: 2, 4: 2, 100: 1}[rows]


def test_parquet_of_paths(contents, alone):
    os.mkdir("index")
    Path("index/own.png").write_bytes(contents[0])
    values = ["own.png", "../photos/a/2.png", f"file://{os.getcwd()}/photos/b/1.png", "gone.png", None, "s3://", ""]
    write_parquet("index/x.parquet", {"path": values, "n": list(range(7))})
    assert bulk("index/x.parquet", "out").exit_code == 1
    found = table().set_index("file")
    assert len(found) == 7
    assert list(found[found["read"]].index) == sorted(values[:3])
    assert "is empty" in found.loc["index/x.parquet#4", "problem"]
    assert [(shard.start, shard.stop) for shard in alone] == [(0, 3), (3, 6), (6, 7)]


def test_lists_of_pictures_are_refused(contents, alone):
    write_parquet("x.parquet", {"faces": [contents]})
    done = bulk("x.parquet", "out")
    assert done.exit_code == 1
    assert "x.parquet has no column of pictures or paths." in done.stderr


def test_the_column_can_be_named(contents, alone):
    write_parquet("x.parquet", {"first": contents, "second": contents})
    done = bulk("x.parquet", "out")
    assert done.exit_code == 1
    assert (
        "x.parquet has several columns that may hold the pictures. Choose one with --column: first, second."
        in done.stderr
    )
    done = bulk("x.parquet", "out", "--column", "third")
    assert "x.parquet has no column third of pictures or paths." in done.stderr
    assert bulk("x.parquet", "out", "--column", "second").exit_code == 0
    assert len(table("out")) == COUNT
    assert "was begun with column = second" in bulk("x.parquet", "out", "--column", "first").stderr


def test_damaged_parquet(contents, alone):
    write_parquet("x.parquet", {"image": contents}, rows=1)
    good = Path("x.parquet").read_bytes()
    Path("x.parquet").write_bytes(good[:-20])
    assert "x.parquet is not a readable Parquet file" in bulk("x.parquet", "out").stderr
    Path("x.parquet").write_bytes(good[:2000] + bytes(3000) + good[5000:])
    assert bulk("x.parquet", "out").exit_code == 1
    found = table().set_index("file")
    assert "x.parquet is damaged" in found.loc["x.parquet", "problem"]


def test_a_folder_stands_for_one_kind(contents, alone):
    write_tar("photos/x.tar", contents)
    write_parquet("photos/index.parquet", {"path": ["a/0.png"]})
    done = bulk("photos", "out")
    assert (
        "photos: only the pictures are read. Its tars (1, such as photos/x.tar) are skipped; to read them"
        in done.stderr
    )
    assert "Its Parquet files (1, such as photos/index.parquet) are skipped" in done.stderr
    assert len(table()) == COUNT
    assert bulk("photos/*.tar", "photos/a/0.png", "out").exit_code == 0
    assert len(table()) == 2 * COUNT


def test_the_output_may_lie_in_the_input(contents, alone):
    os.mkdir("in")
    write_parquet("in/x.parquet", {"image": contents})
    for _ in range(2):
        assert bulk("in", "in/out").exit_code == 0
    assert len(table("in/out")) == COUNT


@pytest.mark.parametrize("storage", ["memory://bucket", "file"])
def test_object_storage(contents, alone, storage):
    storage = storage if storage != "file" else f"file://{os.getcwd()}/bucket"
    shown = storage.removeprefix("file://")
    write_tar("x.tar", contents)
    write_parquet("x.parquet", {"path": ["a.png", "sub/b.png"]})
    filesystem, root = fsspec.core.url_to_fs(storage)
    filesystem.makedirs(root + "/sub", exist_ok=True)
    filesystem.pipe({f"{root}/a.png": contents[0], f"{root}/sub/b.png": contents[1], f"{root}/.hidden.png": b""})
    filesystem.pipe({f"{root}/{name}": Path(name).read_bytes() for name in ("x.tar", "x.parquet")})
    out = f"{storage}/out"

    def answered():
        names = []
        for path in filesystem.glob(f"{root}/out/faces/*.parquet"):
            with filesystem.open(path) as file:
                names += pyarrow.parquet.read_table(file)["file"].to_pylist()
        return sorted(names)

    for _ in range(2):
        assert bulk(storage, out).exit_code == 0
        assert answered() == [f"{shown}/a.png", f"{shown}/sub/b.png"]
    assert bulk(f"{storage}/x.tar", f"{storage}/*/b.png", f"{storage}/x.parquet", out).exit_code == 0
    assert answered() == sorted(
        [
            "a.png",
            "sub/b.png",
            f"{shown}/a.png",
            f"{shown}/sub/b.png",
            *(f"{shown}/x.tar#{n}.png" for n in range(COUNT)),
        ]
    )
    assert bulk(f"{storage}/nothing", f"{storage}/new").exit_code == 1
    assert not filesystem.exists(f"{root}/new")
    filesystem.rm(root, recursive=True)


def test_storage_that_does_not_deliver_leaves_the_shard_for_another_try(contents, alone, monkeypatch):
    def fail(self, name):
        raise OSError("the network is down")

    with monkeypatch.context() as broken:
        broken.setattr(Place, "read", fail)
        done = bulk("photos", "out")
    assert done.exit_code == 1
    assert "photos/a/0.png to photos/a/4.png is not finished: the network is down." in done.stderr
    assert bulk("photos", "out").exit_code == 0
    assert len(table()) == COUNT


def test_a_pipe_and_a_huge_file_are_one_row_each(contents, alone, monkeypatch):
    os.mkfifo("photos/a/pipe.png")
    monkeypatch.setattr("fer.bulk.storage.LARGEST_FILE", len(contents[0]) - 1)
    assert bulk("photos/a", "out").exit_code == 1
    found = table().set_index("file")
    assert "is a pipe" in found.loc["photos/a/pipe.png", "problem"]
    assert "is larger than 1 GB" in found.loc["photos/a/0.png", "problem"]
