import re

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fer import models
from fer.errors import FerError
from fer.training import fit as fitting, module
from fer.training.keeper import Keeper
from fer.training.moving_average import MovingAverage
from fer.training.progress_bar import ProgressReport


def same(one, other):
    return all(torch.equal(one.weights[key], other.weights[key]) for key in one.weights)


def curves(tmp_path, name):
    return pd.read_csv(tmp_path / "curves" / f"{name}.csv")


def checkpoints(tmp_path, name="small"):
    return list((tmp_path / "work" / name).glob("*/last.ckpt"))


@pytest.mark.slow
def test_it_learns_and_keeps_the_best_epoch(train, tmp_path):
    fitted = train(epochs=8, lr=0.01, ema=0.0)
    table = curves(tmp_path, "small")
    accuracy = table[table["split"] == "val"].set_index("epoch")["accuracy"]
    assert accuracy.max() > 0.35  # chance is 0.14
    assert fitted.best_epoch == accuracy.idxmax()
    assert fitted.epochs == len(accuracy) == 8
    assert len(table) == 16
    assert fitted.times["device"] == "cpu"
    assert fitted.times["faces_per_second"] > 0


@pytest.mark.slow
def test_same_seed_same_weights_other_seed_others(train):
    first = train("first")
    assert same(first, train("again"))
    assert not same(first, train("other", seed=4))


class Killed(BaseException):
    """What a kill leaves: no handler of ours runs."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "ema"),
    [("before the checkpoint", 0.9), ("after the checkpoint", 0.9), ("in mid-epoch", 0.9), ("in mid-epoch", 0.0)],
)
def test_killed_at_any_moment_it_ends_with_the_same_weights(train, tmp_path, monkeypatch, moment, ema):
    whole = train("whole", ema=ema)
    with monkeypatch.context() as patched:
        kill(patched, moment)
        with pytest.raises(Killed):
            train("killed", ema=ema)
    assert len(checkpoints(tmp_path, "killed")) == 1
    resumed = train("killed", ema=ema)
    assert same(whole, resumed)
    assert resumed.best_epoch == whole.best_epoch
    pd.testing.assert_frame_equal(curves(tmp_path, "whole"), curves(tmp_path, "killed"))


@pytest.mark.slow
def test_compiled_steps_learn_alike_and_go_on_to_the_same_weights(train, tmp_path, monkeypatch):
    plain, whole = train("plain", mixup_alpha=0.0), train("whole", mixup_alpha=0.0, compile=True)
    assert not same(plain, whole), "nothing was compiled"
    one, other = (curves(tmp_path, name) for name in ("plain", "whole"))
    np.testing.assert_allclose(one["loss"], other["loss"], atol=0.2)
    with monkeypatch.context() as patched:
        kill(patched, "in mid-epoch")
        with pytest.raises(Killed):
            train("killed", mixup_alpha=0.0, compile=True)
    assert same(whole, train("killed", mixup_alpha=0.0, compile=True))


@pytest.mark.slow
def test_without_a_compiler_steps_stay_plain(train, monkeypatch, capsys):
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    plain = train("plain")
    assert same(plain, train("asked", compile=True))
    assert "No C++ compiler was found" in capsys.readouterr().out


def kill(patched, moment):
    """Stop the training in its third epoch."""
    hook = "on_train_batch_end" if moment == "in mid-epoch" else "on_train_epoch_end"
    original = getattr(Keeper, hook)

    def die(self, trainer, *arguments):
        if moment == "after the checkpoint":
            original(self, trainer, *arguments)
        if trainer.current_epoch == 2:
            raise Killed
        if moment != "after the checkpoint":
            original(self, trainer, *arguments)

    patched.setattr(Keeper, hook, die)


def test_a_finished_training_that_was_not_written_has_its_curves_again(train, tmp_path, monkeypatch):
    """The disk was full when the model was to be written; DVC has deleted the outputs before the next run."""
    whole = train()
    expected = curves(tmp_path, "small")
    (tmp_path / "curves" / "small.csv").unlink()
    monkeypatch.setattr(fitting.L.Trainer, "fit", lambda *_, **__: pytest.fail("it trained again"))
    assert same(whole, train())
    pd.testing.assert_frame_equal(curves(tmp_path, "small"), expected)


@pytest.mark.slow
def test_a_checkpoint_of_other_settings_is_kept_and_goes_on_when_they_come_back(train, tmp_path, monkeypatch, capsys):
    whole = train("whole", epochs=4)
    with monkeypatch.context() as patched:
        kill(patched, "in mid-epoch")
        with pytest.raises(Killed):
            train(epochs=4)
    capsys.readouterr()
    other = train(epochs=2)
    output = capsys.readouterr().out
    assert "Going on" not in output
    assert "Not used, since settings, data or code have changed: " in output
    assert other.epochs == 2
    other.checkpoints.delete()
    assert len(checkpoints(tmp_path)) == 1
    assert same(train(epochs=4), whole)
    assert "Going on after epoch 2" in capsys.readouterr().out


@pytest.mark.slow
def test_an_edit_of_another_model_s_file_keeps_a_checkpoint(train, params, tmp_path, monkeypatch):
    from fer.training import checkpoints as found

    folder = train().checkpoints
    sources = {path.name for path in found._sources(_mlp(params, tmp_path))}
    assert {"mlp.py", "landmarks.py", "standardize.py", "base.py", "fit.py", "batches.py"} <= sources
    assert not {"cnn.py", "gnn.py", "pixels.py", "progress_bar.py"} & sources
    original = found.Path.read_bytes
    monkeypatch.setattr(found.Path, "read_bytes", lambda path: original(path) + b"#" * (path.name == "cnn.py"))
    assert train().checkpoints == folder
    monkeypatch.setattr(found.Path, "read_bytes", lambda path: original(path) + b"#" * (path.name == "mlp.py"))
    assert train().checkpoints != folder


def _mlp(params, tmp_path):
    kind = models.network("mlp")
    return kind(**kind.arguments(params.mlp, tmp_path))


def test_the_device_counts_as_it_was_chosen_not_as_it_was_asked_for(train):
    assert train(train={"device": "auto"}).checkpoints == train(train={"device": "cpu"}).checkpoints


@pytest.mark.slow
def test_a_damaged_checkpoint_begins_anew(train, tmp_path, capsys):
    whole = train()
    (checkpoint,) = checkpoints(tmp_path)
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    assert same(whole, train())
    output = capsys.readouterr().out
    assert "is damaged: starting from the beginning" in output
    assert "weights_only" not in output


def test_averaged_weights_follow_the_formula():
    network = nn.BatchNorm1d(2)
    average = MovingAverage(network, 0.5)

    def after(step: int, *weight: float) -> list[float]:
        with torch.no_grad():
            network.weight.copy_(torch.tensor(weight))
        network.num_batches_tracked.fill_(step)
        average.update(network, step)
        assert int(average.module.num_batches_tracked) == step
        return average.module.weight.tolist()

    assert after(0, 1.0, 2.0) == [1.0, 2.0]  # the first step
    assert after(1, 2.0, 4.0) == pytest.approx([2 - 2 / 11, 4 - 4 / 11])  # the decay begins low
    assert after(1000, 1.0, 2.0) == pytest.approx([(3 - 2 / 11) / 2, (6 - 4 / 11) / 2])
    assert not any(weight.requires_grad for weight in average.parameters())
    MovingAverage(nn.Linear(2, 2), 0.5).update(nn.Linear(2, 2), 1)  # has no whole numbers


@pytest.mark.slow
def test_half_precision_trains_as_well(train, tmp_path):
    options = {"epochs": 12, "lr": 0.01, "ema": 0.0}
    best = {}
    for precision in ("32-true", "bf16-mixed"):
        fitted = train(precision, train={"precision": precision}, **options)
        assert {value.dtype for value in fitted.weights.values()} <= {torch.float32, torch.int64}
        table = curves(tmp_path, precision)
        best[precision] = table[table["split"] == "val"]["accuracy"].max()
    assert best["bf16-mixed"] > best["32-true"] - 0.1 > 0.25


def test_the_bar_of_a_terminal_shows_the_whole_training(train, monkeypatch, capsys):
    monkeypatch.setattr(fitting.progress_bar, "report", lambda: ProgressReport(live=True))
    for name, value in {"COLUMNS": "140", "TTY_COMPATIBLE": "1", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    train(epochs=4)
    shown = capsys.readouterr().err
    assert "24/24" in shown  # six batches an epoch
    assert re.search(r"epoch 4/4  loss \d\.\d{3}  val 0\.\d{3}", shown)


def test_a_log_has_one_line_an_epoch(train, capsys):
    train(epochs=2)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch")]
    assert [line.partition("  ")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert lines[-1].endswith("left 0:00:00")


def test_a_finished_training_deletes_its_checkpoint(train, tmp_path):
    train().checkpoints.delete()
    assert not (tmp_path / "work" / "small").exists()


def test_early_stopping(train):
    fitted = train(epochs=30, patience=2, lr=1e-9, ema=0.0)
    assert fitted.epochs == fitted.best_epoch + 2 < 30


def test_a_training_that_diverges(train):
    with pytest.raises(FerError, match="diverged"):
        train(lr=1e30, grad_clip=0.0, ema=0.0)


def test_a_device_that_is_not_there(monkeypatch):
    from fer import device

    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(FerError, match=r"train\.device = cuda"):
        device.choose("cuda")
    assert device.choose("cpu") == "cpu"


def test_more_devices_than_there_are(train, monkeypatch):
    def refuse(*_, **__):
        raise ValueError("no such device")

    monkeypatch.setattr(fitting.L, "Trainer", refuse)
    with pytest.raises(FerError, match=r"train\.devices 1.*can't be had here"):
        train()


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_class_weights(data, power):
    from fer.training.batches import TrainingData

    rows = torch.cat([torch.arange(0, 210, 7), torch.arange(1, 210, 7)[:10]])  # 30 of class 0, 10 of class 1
    uneven = TrainingData(data.inputs, data.labels, rows, data.val)
    weight = fitting.class_weight(uneven, power)
    assert weight[1] / weight[0] == pytest.approx(3**power)
    assert (30 * weight[0] + 10 * weight[1]) / 40 == pytest.approx(1)
