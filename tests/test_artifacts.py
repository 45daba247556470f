import contextlib
import json
import os

import numpy as np
import pandas as pd
import pytest
import torch

from fer import artifacts, writing
from fer.errors import FerError


def test_json_is_rounded_and_finite(tmp_path):
    path = tmp_path / "metrics" / "a.json"
    artifacts.write_json(path, {"a": np.float32(1 / 3), "b": [True, np.int64(3)], "c": {"d": "x"}})
    assert json.loads(path.read_text()) == {"a": 0.3333, "b": [True, 3], "c": {"d": "x"}}
    with pytest.raises(ValueError, match="finite"):
        artifacts.write_json(path, {"a": float("nan")})
    assert artifacts.read_json(path)["a"] == 0.3333


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    artifacts.write_text(path, "old")

    def fail():
        with writing.atomic(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def tree(folder):
    """Every file's content by its name; None for a folder."""
    return {str(path.relative_to(folder)): None if path.is_dir() else path.read_text() for path in folder.rglob("*")}


@pytest.fixture
def results(tmp_path):
    """A folder with results of an earlier run, and a table beside it."""
    for name in ("results/old.txt", "results/below/old.txt", "results/both.txt", "table.csv"):
        artifacts.write_text(tmp_path / name, "old")
    return tmp_path


def write_results(folder, *, fail=False):
    with writing.transaction():
        artifacts.write_text(folder / "table.csv", "new")
        artifacts.write_text(writing.clean_folder(folder / "results") / "both.txt", "new")
        artifacts.write_text(folder / "results/deep/er/new.txt", "new")
        artifacts.write_text(folder / "made/for/it.txt", "new")
        if fail:
            raise RuntimeError


NEW = {
    "results": None, "results/both.txt": "new", "results/deep": None, "results/deep/er": None,
    "results/deep/er/new.txt": "new", "table.csv": "new", "made": None, "made/for": None, "made/for/it.txt": "new",
}  # fmt: skip


@pytest.mark.parametrize("apart", [True, False], ids=["temporary files apart", "temporary files beside"])
def test_a_transaction_writes_all_or_nothing(results, tmp_path_factory, apart):
    before = tree(results)
    with contextlib.ExitStack() as stack:
        if apart:
            stack.enter_context(writing.temporary_files_in(tmp_path_factory.mktemp("temporary")))
        with pytest.raises(RuntimeError):
            write_results(results, fail=True)
        assert tree(results) == before
        write_results(results)
    assert tree(results) == NEW


@pytest.mark.parametrize("failing", range(8))
def test_a_transaction_of_which_a_rename_fails_changes_nothing(results, monkeypatch, failing):
    before, original, calls = tree(results), os.replace, []

    def replace(source, target):
        calls.append(target)
        if len(calls) == failing + 1:
            raise PermissionError(13, "Permission denied", str(target))
        original(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(FerError, match="Permission denied"):
        write_results(results)
    monkeypatch.undo()
    assert tree(results) == before
    write_results(results)
    assert tree(results) == NEW


def test_a_transaction_does_not_replace_a_folder_by_a_file(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/inside.txt").write_text("mine")

    def write():
        with writing.transaction():
            artifacts.write_text(tmp_path / "b", "new")
            artifacts.write_text(tmp_path / "a", "new")

    with pytest.raises(FerError, match="can't be written"):
        write()
    assert tree(tmp_path) == {"a": None, "a/inside.txt": "mine"}


def test_the_last_of_two_writes_counts(tmp_path):
    with writing.transaction():
        artifacts.write_text(tmp_path / "a", "first")
        artifacts.write_text(tmp_path / "a", "second")
    assert tree(tmp_path) == {"a": "second"}


WRITES = {
    "a.npy": "artifacts.write_array('a.npy', np.zeros(100_000))",
    "a.parquet": "artifacts.write_table('a.parquet', pd.DataFrame({'x': np.random.rand(100_000)}))",
    "model.safetensors": "artifacts.write_model('.', {'x': torch.zeros(100_000)}, {})",
    "last.ckpt": "AtomicCheckpointIO().save_checkpoint({'x': torch.zeros(100_000)}, 'last.ckpt')",
}


@pytest.mark.parametrize("name", WRITES)
def test_running_out_of_space_in_the_middle_of_a_write(tmp_path, name, monkeypatch):
    # A limit on the size of files stops a write half-way, as a full disk does, and needs no special disk.
    resource = pytest.importorskip("resource")
    from fer.training.keeper import AtomicCheckpointIO

    monkeypatch.chdir(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(FerError, match="disk is full"):
            eval(WRITES[name], {**globals(), "AtomicCheckpointIO": AtomicCheckpointIO})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_tables_come_back(tmp_path, name):
    table = pd.DataFrame({"name": ["a", "b"], "reason": ["", "leak"], "x": [0.5, 1.0]})
    artifacts.write_table(tmp_path / name, table)
    pd.testing.assert_frame_equal(artifacts.read_table(tmp_path / name), table)


def test_a_model_comes_back_without_pickle(tmp_path):
    weights = {"a": torch.arange(6.0).reshape(2, 3).T, "n": torch.tensor(3)}
    artifacts.write_model(tmp_path, weights, {"name": "x", "lr": 0.000123456})
    loaded, config = artifacts.read_model(tmp_path)
    assert config["lr"] == 0.000123456
    assert all(torch.equal(loaded[key], weights[key]) for key in weights)


def test_missing_and_damaged_files_say_what_to_do(tmp_path):
    with pytest.raises(FerError, match="dvc repro"):
        artifacts.read_array(tmp_path / "none.npy")
    artifacts.write_model(tmp_path, {"a": torch.zeros(3)}, {"name": "x"})
    (tmp_path / artifacts.WEIGHTS_FILE).write_bytes(b"half a file")
    with pytest.raises(FerError, match="damaged"):
        artifacts.read_model(tmp_path)
    (tmp_path / "t.json").write_text("{")
    with pytest.raises(FerError, match="can't be read"):
        artifacts.read_json(tmp_path / "t.json")
    assert artifacts.read_cache(tmp_path / "t.json") == artifacts.read_cache(tmp_path / "none.json") == {}
