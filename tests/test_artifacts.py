import contextlib
import json

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
    """Every file's content by its name."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("apart", [True, False], ids=["temporary files apart", "temporary files beside"])
def test_a_transaction_writes_all_or_nothing(tmp_path, tmp_path_factory, apart):
    for name in ("results/old.txt", "results/below/old.txt", "results/both.txt", "table.csv"):
        artifacts.write_text(tmp_path / name, "old")
    before = tree(tmp_path)

    def write(*, fail):
        with writing.transaction():
            artifacts.write_text(tmp_path / "table.csv", "new")
            artifacts.write_text(writing.clean_folder(tmp_path / "results") / "both.txt", "new")
            artifacts.write_text(tmp_path / "results/deep/er/both.txt", "new too")
            if fail:
                raise RuntimeError

    with contextlib.ExitStack() as stack:
        if apart:
            stack.enter_context(writing.temporary_files_in(tmp_path_factory.mktemp("temporary")))
        with pytest.raises(RuntimeError):
            write(fail=True)
        assert tree(tmp_path) == before
        write(fail=False)
    assert tree(tmp_path) == {"results/both.txt": "new", "results/deep/er/both.txt": "new too", "table.csv": "new"}


def test_a_rename_that_fails_is_one_line_and_leaves_no_temporary_file(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/inside.txt").write_text("mine")
    with pytest.raises(FerError, match="a can't be written"):
        artifacts.write_text(tmp_path / "a", "new")
    assert tree(tmp_path) == {"a/inside.txt": "mine"}


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
