"""Drawn faces as files, and `fer bulk` with its worker in this process instead of Ray's."""

import contextlib
import functools
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from click.testing import CliRunner

from fer import Predictor, cli
from fer.bulk import cluster, worker
from fer.data import drawn
from fer.inference import registry
from tests.data.small_faces import png

COUNT = 7


@pytest.fixture(scope="session")
def faces():
    """Drawn faces, uint8 [7, 48, 48], and what the default model says of them, float32 [7, 7]."""
    crops = drawn.draw(COUNT, seed=0).images
    return crops, Predictor(detect=False, threads=1).predict_crops(np.asarray(crops))


@pytest.fixture
def pictures(faces, tmp_path, monkeypatch):
    """The working folder, with a folder of the faces as files."""
    monkeypatch.chdir(tmp_path)
    for number, face in enumerate(faces[0]):
        path = Path("photos", "ab"[number % 2], f"{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(face))
    return tmp_path


_load = functools.cache(registry.load)  # each network is loaded once for all tests


@pytest.fixture
def alone(monkeypatch):
    """Let one worker in this process answer, without Ray; a list of the shards that it has answered.

    A shard whose number in this list is that of `alone.fail_at` is not finished, as if its worker had died.
    """

    class Shards(list):
        fail_at = None

    answered = Shards()

    def answers(shards, workers, **arguments):
        own = worker.Worker(**arguments)
        for shard in shards:
            answered.append(shard)
            died = len(answered) - 1 == answered.fail_at
            yield worker.unfinished(shard, "its worker died") if died else own.answer(shard)

    monkeypatch.setattr(registry, "load", lambda models, *others: list(_load(tuple(models), *others)))
    monkeypatch.setattr(cluster, "load", lambda address: None)
    monkeypatch.setattr(cluster, "started", lambda address, workers: contextlib.nullcontext(1))
    monkeypatch.setattr(cluster, "answers", answers)
    return answered


def bulk(*arguments, crops=True):
    """Run `fer bulk` in this process."""
    options = ("--no-detect", "--shard-size", 3) if crops else ()
    done = CliRunner().invoke(cli.main, list(map(str, ("bulk", *arguments, *options))))
    assert "Traceback" not in done.output
    return done


def table(folder="out"):
    """The answers, sorted by file and face, as a pandas table."""
    read = pyarrow.parquet.read_table(Path(folder, "faces")).to_pandas()
    return read.sort_values(["file", "face"], ignore_index=True)
