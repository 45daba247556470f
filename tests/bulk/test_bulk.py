"""`fer bulk`: a row a face, nothing lost or doubled, whatever comes between."""

import json
import signal
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fer.bulk import cluster, worker
from fer.bulk.shards import PICTURES, Shard
from fer.bulk.storage import Place
from fer.emotions import EMOTIONS
from fer.errors import install
from fer.inference import registry
from fer.stopping import Stopped
from tests.bulk.conftest import COUNT, bulk, table
from tests.data.small_faces import png
from tests.inference.conftest import PHOTO, fer

DEFAULT = registry.default(registry.released(), None)

NAMES = sorted(f"photos/{'ab'[number % 2]}/{number}.png" for number in range(COUNT))


def parts():
    return {path.name: path.stat().st_mtime_ns for path in Path("out/faces").iterdir()}


@pytest.mark.slow
def test_the_answers_are_those_of_fer_predict(pictures, alone, faces):
    done = bulk("photos", "out")
    assert done.exit_code == 0, done.output
    assert "Processed 7 pictures, found 7 faces; see out/faces." in done.stderr
    assert f"Answered by {DEFAULT} (" in done.stderr
    found = table()
    assert list(found["file"]) == NAMES
    assert len(alone) == len(parts()) == 3
    fer("predict", "photos", "--no-detect", "--output", "plain")
    expected = pd.read_csv("plain/faces.csv", keep_default_na=False)
    assert list(found)[:-2] == list(expected)
    for column in expected:
        if expected[column].dtype.kind in "if":
            np.testing.assert_allclose(found[column], expected[column], rtol=1e-6)
        else:
            assert list(found[column].astype(object).fillna("")) == list(expected[column])
    numbers = [int(Path(name).stem) for name in NAMES]
    np.testing.assert_allclose(found[list(EMOTIONS)], faces[1][numbers], atol=2e-4)


def test_a_picture_without_an_answer_has_its_row(pictures, alone):
    Path("photos/a/0.png").write_bytes(PHOTO.read_bytes())
    Image.new("L", (80, 80)).save("photos/a/2.png")
    Path("photos/a/broken.jpg").write_bytes(b"no picture")
    Path("photos/a/notes.txt").write_text("no picture either")
    done = bulk("photos/a", "out", crops=False)
    assert done.exit_code == 1
    assert "could not read 1;" in done.stderr
    found = table().set_index("file")
    assert list(found.index) == [f"photos/a/{name}" for name in ("0.png", "2.png", "4.png", "6.png", "broken.jpg")]
    assert found.loc["photos/a/0.png", "expression"] == "happy"
    assert found.loc["photos/a/broken.jpg", "problem"].startswith("photos/a/broken.jpg is no readable image.")
    assert list(found["read"]) == [True, True, True, True, False]
    nobody = found.loc["photos/a/2.png"]
    assert nobody["problem"].startswith("no face of 24 pixels or more was found")
    assert nobody.isna()[["face", "left", "happy", "expression"]].all()


def test_a_shard_whose_worker_died_is_done_by_the_next_run(pictures, alone):
    alone.fail_at = 1
    done = bulk("photos", "out")
    assert done.exit_code == 1
    assert "photos/a/6.png to photos/b/3.png is not finished: its worker died" in done.stderr
    assert "2 of 3 shards are finished. Run the same command again to continue." in done.stderr
    before = parts()
    done = bulk("./photos/", "out")
    assert done.exit_code == 0, done.output
    assert len(alone) == 4
    assert before.items() < parts().items()
    assert list(table()["file"]) == NAMES
    assert bulk("photos", "out").exit_code == 0
    assert len(alone) == 4


def test_a_stopped_run_says_that_it_goes_on(pictures, alone, monkeypatch):
    original = cluster.answers

    def stop_after_the_first(shards, workers, **arguments):
        yield next(original(shards, workers, **arguments))
        raise Stopped(signal.SIGINT)

    monkeypatch.setattr(cluster, "answers", stop_after_the_first)
    done = bulk("photos", "out")
    assert done.exit_code == 130
    assert done.stderr.endswith("1 of 3 shards are finished. Run the same command again to continue.\nStopped.\n")
    monkeypatch.setattr(cluster, "answers", original)
    assert bulk("photos", "out").exit_code == 0
    assert list(table()["file"]) == NAMES


def test_what_is_added_later_is_answered_and_what_is_gone_is_kept(pictures, alone, faces):
    bulk("photos", "out")
    Path("photos/a/0.png").unlink()
    Path("photos/a/1.png").write_bytes(png(faces[0][0]))
    assert bulk("photos", "out").exit_code == 0
    assert list(table()["file"]) == sorted([*NAMES, "photos/a/1.png"])
    assert alone[-1].names == ("a/1.png",)


def test_a_picture_that_is_gone_before_its_turn_is_not_forgotten(pictures, alone):
    alone.fail_at = 0
    bulk("photos", "out")
    Path("photos/a/0.png").unlink()
    assert bulk("photos", "out").exit_code == 1
    found = table()
    assert list(found["file"]) == NAMES
    assert "photos/a/0.png can't be read (No such file or directory)." in found["problem"][0]


def test_an_empty_file_that_a_power_cut_left_is_written_again(pictures, alone):
    bulk("photos", "out")
    next(Path("out/faces").iterdir()).write_bytes(b"")
    assert bulk("photos", "out").exit_code == 0
    assert list(table()["file"]) == NAMES


def test_other_settings_are_refused(pictures, alone):
    bulk("photos", "out")
    for option, name in (
        (("--tta", 2), "tta = 1, and this run has 2"),
        (("--model", "mlp"), f"models = {DEFAULT}"),
        (("--column", "x"), "column = None"),
    ):
        done = bulk("photos", "out", *option)
        assert done.exit_code == 1
        assert f"out was begun with {name}" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert bulk("photos", "out", "--batch-size", 8).exit_code == 0


def test_workers_with_other_models_are_refused(pictures):
    own = worker.Worker(Place.of("out"), {"tta": 1, "detect": True, "min_size": 24, "megapixels": 100}, None, {})
    answer = own.answer(Shard(PICTURES, "/", "", ("a.png",)))
    assert answer["hopeless"]
    assert "another version of fer, or other models" in answer["problem"]


@pytest.mark.parametrize("crowded", ["photos", "photos/a/0.png"])
def test_an_output_that_is_something_else_is_refused(pictures, alone, crowded):
    done = bulk("photos", crowded)
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert "Name a" in done.stderr
    assert not Path("photos/faces").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("nothing", "out"), 1, "nothing: there is no such file or folder."),
        (("*.webp", "out"), 1, "*.webp: no file matches this pattern."),
        (("photos",), 2, "Missing argument"),
        (("photos", "out", "--workers", 0), 2, "--workers"),
        (("photos", "out", "--model", "typo"), 2, "There is no model 'typo'."),
        (("nowhere://photos", "out"), 1, "nowhere://photos can't be opened"),
        (("photos", "nowhere://out"), 1, "nowhere://out can't be opened"),
    ],
)
def test_a_wrong_call_leaves_nothing_behind(pictures, alone, arguments, status, message):
    done = bulk(*arguments)
    assert done.exit_code == status
    assert message in done.stderr
    assert not Path("out").exists()


def test_an_output_that_can_not_be_written_stops_the_run(pictures, alone, monkeypatch):
    def refuse(self, name, content):
        if name.startswith("faces"):
            with self._explained(name):
                raise OSError(28, "No space left on device")

    monkeypatch.setattr(Place, "write", refuse)
    done = bulk("photos", "out")
    assert done.exit_code == 1
    assert len(alone) == 1
    assert "can't be written (No space left on device)" in done.stderr


def test_one_process_at_a_time_writes_to_a_folder(pictures, alone, monkeypatch):
    original = cluster.answers

    def meanwhile(shards, workers, **arguments):
        done = bulk("photos", "out")
        assert done.exit_code == 1
        assert "Another process writes to out." in done.stderr
        return original(shards, workers, **arguments)

    monkeypatch.setattr(cluster, "answers", meanwhile)
    assert bulk("photos", "out").exit_code == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["faces", "fer-bulk.json", "plan", "temporary"]


def test_a_missing_ray_is_one_line(pictures, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    done = bulk("photos", "out")
    assert done.exit_code == 1
    assert done.stderr == f"Error: This needs ray, which is not installed: {install('scale')}.\n"
    assert not Path("out").exists()


def test_what_decides_the_answers_is_recorded(pictures, alone):
    bulk("photos", "out")
    recorded = json.loads(Path("out/fer-bulk.json").read_text())
    assert recorded["models"][0].startswith(f"{DEFAULT} int8 ")
    assert recorded["detect"] is False
