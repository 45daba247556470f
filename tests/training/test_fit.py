import re

import pandas as pd
import pytest
import torch

from fer.errors import FerError
from fer.training import fit as fitting
from fer.training import keeper as keeping
from fer.training.keeper import Keeper


def same(one, other):
    return all(torch.equal(one.weights[key], other.weights[key]) for key in one.weights)


def curve(tmp_path, name, metric):
    return pd.read_csv(tmp_path / "curves" / name / "plots" / "metrics" / f"{metric}.tsv", sep="\t")


def test_it_learns_and_keeps_the_best_epoch(train, tmp_path):
    fitted = train(epochs=8, lr=0.01, ema=0.0)
    accuracy = curve(tmp_path, "small", "val/accuracy")["accuracy"]
    assert accuracy.max() > 0.35  # chance is 0.14
    assert fitted.summary["best_epoch"] == accuracy.idxmax() + 1
    assert fitted.summary["epochs"] == len(accuracy) == 8
    assert fitted.summary["device"] == "cpu"
    assert fitted.summary["faces_per_second"] > 0


def test_same_seed_same_weights_other_seed_others(train):
    first = train("first")
    assert same(first, train("again"))
    assert not same(first, train("other", seed=4))


class Killed(BaseException):
    """What a kill leaves: no handler of ours runs."""


@pytest.mark.parametrize("moment", ["before the checkpoint", "after the checkpoint", "in mid-epoch"])
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_killed_at_any_moment_it_ends_with_the_same_weights(train, tmp_path, monkeypatch, moment, ema):
    whole = train("whole", ema=ema)
    with monkeypatch.context() as patched:
        kill(patched, moment)
        with pytest.raises(Killed):
            train("killed", ema=ema)
    assert (tmp_path / "work" / "killed" / "last.ckpt").exists()
    resumed = train("killed", ema=ema)
    assert same(whole, resumed)
    assert resumed.summary["best_epoch"] == whole.summary["best_epoch"]
    for metric in keeping.METRICS:
        pd.testing.assert_frame_equal(curve(tmp_path, "whole", metric), curve(tmp_path, "killed", metric))


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


def test_a_finished_training_is_not_repeated(train, monkeypatch):
    whole = train()
    monkeypatch.setattr(fitting.L.Trainer, "fit", lambda *_, **__: pytest.fail("it trained again"))
    assert same(whole, train())


def test_a_checkpoint_of_another_training_is_not_used(train, tmp_path, capsys):
    train(epochs=2)
    capsys.readouterr()
    fitted = train(epochs=3)
    assert "Going on" not in capsys.readouterr().out
    assert fitted.summary["epochs"] == 3


def test_a_damaged_checkpoint_is_put_aside(train, tmp_path, capsys):
    whole = train()
    checkpoint = tmp_path / "work" / "small" / "last.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    assert same(whole, train())
    assert "starting from the beginning" in capsys.readouterr().out


def test_the_bar_of_a_terminal_shows_the_whole_training(train, monkeypatch, capsys):
    monkeypatch.setattr(fitting.progress, "in_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    train(epochs=4)
    shown = capsys.readouterr().out
    assert "epoch 4/4" in shown
    assert re.search(r"loss \d\.\d{3}  val 0\.\d{3}  left 0:00:00", shown)


def test_forget(train, tmp_path):
    train()
    fitting.forget("small")
    assert not (tmp_path / "work" / "small").exists()


def test_early_stopping(train):
    fitted = train(epochs=30, patience=2, lr=1e-9, ema=0.0)
    assert fitted.summary["epochs"] == fitted.summary["best_epoch"] + 2 < 30


def test_a_training_that_diverges(train):
    with pytest.raises(FerError, match="diverged"):
        train(lr=1e30, grad_clip=0.0, ema=0.0)


def test_a_device_that_is_not_there(train, params, change, monkeypatch):
    from fer import device

    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(FerError, match=r"train\.device = cuda"):
        device.choose("cuda")
    assert device.choose("cpu") == "cpu"


def test_a_strategy_that_lightning_does_not_know(train):
    with pytest.raises(FerError, match=r"strategy ddq.*invalid strategy"):
        train(train={"strategy": "ddq"})


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_class_weights(task, power):
    from fer.training.batches import Task

    rows = torch.cat([torch.arange(0, 210, 7), torch.arange(1, 210, 7)[:10]])  # 30 of class 0, 10 of class 1
    uneven = Task(task.inputs, task.labels, rows, task.val)
    weight = fitting.class_weight(uneven, power)
    assert weight[1] / weight[0] == pytest.approx(3**power)
    assert (30 * weight[0] + 10 * weight[1]) / 40 == pytest.approx(1)
