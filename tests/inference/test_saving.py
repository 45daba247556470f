"""`fer predict --output`: no result is lost, and no file that fer did not make."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fer.errors import FerError
from fer.inference import results, saving
from tests.inference.conftest import fer

OUT = Path("out")


@pytest.fixture
def pictures(home):
    """Two pictures that are said to be faces."""
    for name in ("a/one.png", "b/two.png"):
        Path(name).parent.mkdir()
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)).save(name)


def predict(*arguments):
    return fer("predict", *arguments, "--no-detect", "--format", "jsonl")


def names():
    return sorted(str(path.relative_to(OUT)) for path in OUT.rglob("*") if path.is_file())


@pytest.mark.slow
def test_results_and_annotated_copies_are_saved(photo):
    for place in ("a/one.jpg", "b/one.jpg"):
        Path(place).parent.mkdir()
        shutil.copy(photo, place)
    Image.open(photo).save("b/two.webp")
    Image.new("L", (80, 80)).save("b/nobody.png")
    Path("b/broken.png").write_bytes(b"")
    done = fer("predict", "a", "b", "--output", "out")
    assert done.exit_code == 1
    assert "Saved in out: faces.csv, photos.jsonl and annotated/" in done.stderr
    assert list(pd.read_csv("out/faces.csv")["file"]) == ["a/one.jpg", "b/one.jpg", "b/two.webp"]
    photos = [json.loads(line) for line in Path("out/photos.jsonl").read_text().splitlines()]
    assert [each["file"] for each in photos] == ["a/one.jpg", "b/nobody.png", "b/one.jpg", "b/two.webp"]
    copies = ["annotated/a/one.jpg", "annotated/b/one.jpg", "annotated/b/two.webp.png"]
    assert names() == sorted([results.MARKER, *copies, "faces.csv", "photos.jsonl"])
    copy = np.asarray(Image.open("out/annotated/b/two.webp.png").convert("RGB"))
    assert copy.shape == (640, 640, 3)  # small photos are enlarged, so that the text can be read


def test_standard_input_is_annotated_too(photo):
    done = fer("predict", "-", "--output", "out", input=photo.read_bytes())
    assert done.exit_code == 0
    assert Path("out/annotated/stdin.png").is_file()


def test_a_run_that_reads_nothing_leaves_earlier_results(pictures):
    predict("a", "--output", OUT)
    before = {name: (OUT / name).read_bytes() for name in names()}
    done = predict("typo", "--output", OUT)
    assert done.exit_code == 1
    assert "No picture was read, so nothing was saved in out." in done.stderr
    assert {name: (OUT / name).read_bytes() for name in names()} == before
    assert predict("typo", "--output", "new").exit_code == 1
    assert not Path("new").exists()


def test_a_good_run_replaces_all_of_the_earlier_one(pictures):
    predict("a", "b", "--output", OUT)
    assert len(names()) == 5
    (OUT / "notes.txt").write_text("mine")
    (OUT / "annotated/own.png").write_bytes(b"mine")
    predict("b", "--output", OUT)
    expected = [results.MARKER, "annotated/own.png", "annotated/two.png", "faces.csv", "notes.txt", "photos.jsonl"]
    assert names() == sorted(expected)
    assert list(pd.read_csv(OUT / "faces.csv")["file"]) == ["b/two.png"]


@pytest.mark.parametrize("name", ["faces.csv", "photos.jsonl", "annotated", "unfinished"])
def test_what_fer_did_not_make_is_never_replaced_unasked(pictures, name):
    OUT.mkdir()
    (OUT / name).write_text("mine")
    done = predict("a", "--output", OUT)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert f"out/{name} exists, and fer did not make it." in done.stderr
    assert names() == [name]
    assert (OUT / name).read_text() == "mine"


def test_it_is_replaced_if_that_is_asked_for(pictures):
    OUT.mkdir()
    (OUT / "faces.csv").write_text("mine")
    assert predict("a", "--output", OUT, "--overwrite").exit_code == 0
    assert list(pd.read_csv(OUT / "faces.csv")["file"]) == ["a/one.png"]


@pytest.mark.slow
def test_the_folder_of_the_inputs_can_hold_the_results(pictures):
    for _ in range(2):  # the second time, what the first one made is no input
        done = predict(".", "--output", ".")
        assert done.exit_code == 0, done.output
        assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == ["a/one.png", "b/two.png"]
    Image.new("L", (48, 48)).save("annotated/own.png")
    assert "annotated/own.png" in predict(".", "--output", ".").stdout


def test_one_process_at_a_time_writes_to_a_folder(pictures):
    with results.Results(OUT, ["faces.csv"]):
        done = predict("a", "--output", OUT)
        assert done.exit_code == 1
        assert "Another process writes to out." in done.stderr
    assert predict("a", "--output", OUT).exit_code == 0


def test_what_an_interrupted_run_has_answered_is_kept_beside_earlier_results(pictures, monkeypatch):
    predict("a", "--output", OUT)
    original = saving.PhotoResults.add

    def stop_at_the_second(self, photo):
        if photo.name.startswith("b"):
            raise KeyboardInterrupt
        original(self, photo)

    monkeypatch.setattr(saving.PhotoResults, "add", stop_at_the_second)
    done = fer("predict", "a", "b", "--no-detect", "--output", OUT, "--format", "json")
    assert done.exit_code == 130
    assert [each["file"] for each in json.loads(done.stdout)] == ["a/one.png"]
    assert "Unfinished results are in out/unfinished; earlier results in out are unchanged." in done.stderr
    assert len((OUT / "unfinished/photos.jsonl").read_text().splitlines()) == 1
    assert len(pd.read_csv(OUT / "faces.csv")) == 1
    with results.Results(OUT, ["faces.csv"]):
        assert not any((OUT / "unfinished").iterdir())


@pytest.mark.slow
def test_two_photos_never_share_a_copy(photo):
    Path("in").mkdir()
    small = Image.open(photo).resize((256, 256))
    for name in ("a.gif", "a.gif.png", "A.gif"):
        small.save(Path("in", name))
    fer("predict", "in", "--output", OUT)
    copies = [path.name for path in (OUT / "annotated").iterdir()]
    assert len(copies) == len({name.lower() for name in copies}) == 3


def test_a_damaged_marker_takes_no_file_for_ours(pictures):
    predict("a", "--output", OUT)
    (OUT / results.MARKER).write_text('{"files": ["../a/one.png", "/etc/passwd"]}')
    with pytest.raises(FerError, match="fer did not make it"):
        saving.PhotoResults(OUT)
    with saving.PhotoResults(OUT, overwrite=True) as folder:
        assert not folder.made_earlier("a/one.png")


def test_a_folder_that_can_not_be_written_is_one_line(photo):
    Path("file").write_text("")
    for place in ("file/deep", "x" * 300):
        done = fer("predict", photo, "--output", place)
        assert done.exit_code == 1
        assert done.stderr.startswith(f"Error: {place[:20]}")
        assert len(done.stderr.splitlines()) == 1


def test_a_copy_that_finds_no_space_leaves_earlier_results(pictures, monkeypatch):
    predict("a", "--output", OUT)
    before = {name: (OUT / name).read_bytes() for name in names()}

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Image.Image, "save", full)
    done = predict("a", "b", "--output", OUT)
    assert done.exit_code == 1
    assert "The disk is full" in done.stderr
    assert "Saved in" not in done.output
    assert {name: (OUT / name).read_bytes() for name in names() if not name.startswith("unfinished")} == before


def test_results_of_earlier_runs_are_no_inputs(pictures):
    predict("a", "--output", "a/results")
    for options in ([], ["--output", "other"]):
        assert [json.loads(line)["file"] for line in predict("a", *options).stdout.splitlines()] == ["a/one.png"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_leaves_earlier_results(pictures, monkeypatch):
    predict("a", "--output", OUT)
    original = saving.PhotoResults.path
    full = Path("/dev/full")
    monkeypatch.setattr(
        saving.PhotoResults, "path", lambda self, name: full if name == "faces.csv" else original(self, name)
    )
    done = predict("a", "b", "--output", OUT)
    assert done.exit_code == 1
    assert "can't be written (No space left on device)" in done.stderr
    assert "Traceback" not in done.output
    assert len(pd.read_csv(OUT / "faces.csv")) == 1
