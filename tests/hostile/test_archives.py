"""FER2013_ARCHIVE may name anything."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from tests.hostile.conftest import may_not_read


def pipe() -> str:
    os.mkfifo("set.zip")
    return "set.zip"


def folder_with_pipe() -> str:
    Path("set/train/sad").mkdir(parents=True)
    os.mkfifo("set/train/sad/Training_1.jpg")
    return "set"


def with_member(kind: bytes) -> str:
    with tarfile.open("set.tar", "w") as archive:
        member = tarfile.TarInfo("train/sad/Training_1.jpg")
        member.type, member.linkname = kind, "elsewhere"
        archive.addfile(member, io.BytesIO())
    return "set.tar"


def cut_zip() -> str:
    import zipfile

    with zipfile.ZipFile("set.zip", "w") as archive:
        archive.writestr("fer2013.csv", b"emotion,pixels,Usage\n" * 1000)
    Path("set.zip").write_bytes(Path("set.zip").read_bytes()[:500])
    return "set.zip"


CASES = [
    (pipe, "set.zip is a pipe, no file"),
    (folder_with_pipe, "Training_1.jpg is a pipe, no file"),
    (lambda: with_member(tarfile.SYMTYPE), "holds a link (train/sad/Training_1.jpg)"),
    (lambda: with_member(tarfile.CHRTYPE), "holds a pipe or a device (train/sad/Training_1.jpg)"),
    (cut_zip, "set.zip can't be read to its end"),
    (lambda: "~nobody-is-called-so/x.zip", "there is no such user"),
    (lambda: "/dev/zero", "/dev/zero is neither a folder nor"),
    (lambda: "missing.zip", "FER2013_ARCHIVE names missing.zip, which doesn't exist"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("make", "said"), CASES, ids=[said[:30] for _, said in CASES])
def test_an_archive_that_is_none(make, said, stage, monkeypatch):
    path = make()
    monkeypatch.setenv("FER2013_ARCHIVE", path)
    result = stage("download")
    assert result.exit_code == 1
    assert said in result.output


def test_an_archive_that_may_not_be_read(stage, monkeypatch):
    Path("set.zip").write_bytes(b"PK")
    monkeypatch.setenv("FER2013_ARCHIVE", "set.zip")
    may_not_read(monkeypatch, Path("set.zip"))
    result = stage("download")
    assert "set.zip may not be read" in result.output
    assert "damaged" not in result.output
