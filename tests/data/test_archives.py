"""Archives that would write outside their folder, or unpack to absurd size, are refused."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from fer.data import archives
from fer.errors import FerError


def read_all(path: Path) -> list[str]:
    with archives.reading(path):
        return [name for name, stream in archives.members(path, lambda name: True) if stream.read() is not None]


def make_tar(path: Path, *infos: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info in infos:
            archive.addfile(info, io.BytesIO(bytes(info.size)))
    return path


@pytest.mark.parametrize("name", ["../out.jpg", "/etc/out.jpg", "a/../../out.jpg", "..\\out.jpg", "C:/out.jpg"])
def test_escapes_are_refused(tmp_path: Path, name: str) -> None:
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, b"x")
    for path in (packed, make_tar(tmp_path / "a.tar.gz", tarfile.TarInfo(name))):
        with pytest.raises(FerError, match="outside its folder"):
            read_all(path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("a.jpg")
    info.type, info.linkname = kind, "/etc/passwd"
    with pytest.raises(FerError, match="link"):
        read_all(make_tar(tmp_path / "a.tar.gz", info))


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("a.jpg")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(FerError, match="link"):
        read_all(tmp_path / "a.zip")


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "RATIO_FLOOR", 1 << 20)
    zeros = bytes(8 << 20)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", zeros)
    info = tarfile.TarInfo("a.jpg")
    info.size = len(zeros)
    make_tar(tmp_path / "a.tar.gz", info)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(zeros))
    for name in ("a.zip", "a.tar.gz", "a.csv.gz"):
        with pytest.raises(FerError, match="absurd size"):
            read_all(tmp_path / name)


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_FILES", 3)
    make_tar(tmp_path / "a.tar.gz", *(tarfile.TarInfo(f"{n}.jpg") for n in range(5)))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for n in range(5):
            archive.writestr(f"{n}.jpg", "")
    folder = tmp_path / "folder"
    folder.mkdir()
    for n in range(5):
        (folder / f"{n}.jpg").touch()
    for path in (tmp_path / "a.tar.gz", tmp_path / "a.zip"):
        with pytest.raises(FerError, match="absurd"):
            read_all(path)
    with pytest.raises(FerError, match="more than 3"):
        list(archives.members(folder, lambda name: True, most=3))


def test_an_encrypted_zip_is_one_message(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", b"x")
    data = bytearray(path.read_bytes())
    data[6] |= 1  # the flag "encrypted", in the member's header and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(FerError, match="can't be read"):
        read_all(path)


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    names = ("__MACOSX/._a.jpg", ".DS_Store", "train/._b.jpg", "./train/b.jpg")
    make_tar(tmp_path / "a.tar.gz", *map(tarfile.TarInfo, names))
    assert read_all(tmp_path / "a.tar.gz") == ["./train/b.jpg"]
