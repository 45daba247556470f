"""The search for settings, with a training that takes no time."""

import re

import pytest
from click.testing import CliRunner
from PIL import Image

from fer import config_file, models, search, tune, variants
from fer.errors import DivergedError, FerError
from fer.search import Search
from fer.variants import Causes

DRAW, RUN = tune.tune_figure.write, tune.run


@pytest.fixture
def project(tmp_path, monkeypatch, params):
    """A folder in which a perceptron is best at dropout 0.3, and DVC finds everything up to date."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tune.check, "params", lambda: params)
    settings = {key: value for key, value in config_file.flat(params).items() if key.startswith("mlp.")}
    monkeypatch.setattr(variants, "causes", lambda name, _: Causes(settings, {}))
    tried = []

    def train(trial, space, name, params, found, work):
        import optuna

        values = config_file.with_values(params, search.decode(trial.params, space))
        trial.set_user_attr("folder", str(trial.number))
        tried.append(values.mlp)
        accuracy = 0.6 - (values.mlp.dropout - 0.3) ** 2
        for step in range(4):
            trial.report(accuracy - 0.1 + step / 40, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return accuracy

    monkeypatch.setattr(tune, "run", train)
    monkeypatch.setattr(tune.tune_figure, "write", lambda *_: None)
    return tried


def call(*options, fails=False):
    outcome = CliRunner().invoke(tune.main, ["mlp", *options])
    assert bool(outcome.exit_code) == fails, (outcome.output, outcome.exception)
    return outcome.output


@pytest.mark.slow
def test_a_search_begins_with_the_settings_as_they_are_and_ends_with_the_best(project, params, tmp_path, monkeypatch):
    monkeypatch.setattr(tune.tune_figure, "write", DRAW)
    output = call("--trials", "25", "--vary", "mlp.dropout", "--vary", "mlp.hidden", "-S", "mlp.epochs=4")
    assert len(project) == 25
    assert project[0].dropout == params.mlp.dropout
    assert {settings.epochs for settings in project} == {4}
    assert {settings.lr for settings in project} == {params.mlp.lr}
    best = min(project, key=lambda settings: abs(settings.dropout - 0.3))
    assert abs(best.dropout - 0.3) < 0.1
    last = output.splitlines()[-1]
    assert last.startswith("dvc exp run -S mlp.epochs=4")
    assert f"-S mlp.dropout={best.dropout}" in last
    assert re.search(r"25 trials, [1-9]\d* of them stopped early", output)
    assert Image.open(tmp_path / "plots/tune/mlp.png").width > 500


def test_a_search_that_finds_nothing_better_says_so(project):
    output = call("--trials", "1", "-S", "mlp.epochs=4")
    last = output.splitlines()[-1]
    assert last == "No trial was better than the first one: the settings in params.yaml with -S mlp.epochs=4."


def test_a_search_goes_on_to_the_number_asked_for(project):
    call("--trials", "3")
    call("--trials", "3")
    assert len(project) == 3
    output = call("--trials", "5")
    assert len(project) == 5
    assert "5 trials" in output


def test_other_settings_make_another_study(project, tmp_path):
    call("--trials", "1")
    output = call("--trials", "2", "--vary", "mlp.lr", fails=True)
    assert "begun with other settings, code or data" in output
    call("--trials", "2", "--vary", "mlp.lr", "--study", "other.journal")
    assert (tmp_path / "other.journal").exists()


@pytest.mark.slow
def test_a_database_holds_a_study_too(project, tmp_path):
    call("--trials", "2", "--study", "sqlite:///studies.db")
    assert (tmp_path / "studies.db").exists()
    call("--trials", "2", "--study", "sqlite:///studies.db")
    assert len(project) == 2
    assert "can't be opened" in call("--study", "nothing://there", fails=True)


def test_the_trial_of_a_process_that_is_gone_goes_on_in_its_folder(project, monkeypatch):
    import platform

    whole, folders = tune.run, []

    def die(trial, *_):
        trial.set_user_attr("folder", "first")
        trial.set_user_attr("process", "4194304 1.0")
        trial.set_user_attr("machine", platform.node())
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(tune, "run", die)
        CliRunner().invoke(tune.main, ["mlp", "--trials", "1"])
    assert not project

    def remember(trial, *arguments):
        folders.append(trial.user_attrs.get("folder"))
        return whole(trial, *arguments)

    monkeypatch.setattr(tune, "run", remember)
    call("--trials", "2")
    assert folders == ["first", None]


def test_settings_that_do_not_fit_together_are_a_bad_trial(params, tmp_path):
    optuna = pytest.importorskip("optuna")
    trial = optuna.create_study().ask()
    trial.suggest_categorical("transformer.width", [64])
    space = {"transformer.width": Search(choices=(64, 96))}
    six = config_file.with_values(params, {"transformer.heads": 6, "transformer.width": 96})
    with pytest.raises(optuna.TrialPruned, match=r"refused: .*multiple of"):
        RUN(trial, space, "transformer", six, params, tmp_path)


def test_a_training_that_fails_is_not_begun_again(project, monkeypatch):
    tried = []

    def fail(trial, *_):
        trial.set_user_attr("folder", str(trial.number))
        tried.append(trial.number)
        if len(tried) == 1:
            raise FerError("The memory is full.")
        return 0.5

    monkeypatch.setattr(tune, "run", fail)
    assert "The memory is full." in call("--trials", "2", "--vary", "mlp.dropout", fails=True)
    call("--trials", "2", "--vary", "mlp.dropout")
    assert tried == [0, 1, 2]


def test_a_training_that_diverges_is_a_bad_trial(project, monkeypatch):
    whole = tune.run

    def diverge(trial, *arguments):
        if trial.number == 1:
            trial.set_user_attr("folder", "1")
            raise DivergedError("The training diverged.")
        return whole(trial, *arguments)

    monkeypatch.setattr(tune, "run", diverge)
    output = call("--trials", "3")
    assert "trial 1: diverged" in output
    assert "3 trials, 1 of them stopped early" in output


def test_what_can_t_be_searched_is_named(project):
    output = call("--vary", "mlp.epochs", fails=True)
    assert "--vary mlp.epochs: this setting can't be searched. Choose from mlp.lr, " in output
    output = call("--vary", "mlp.lr", "-S", "mlp.lr=0.1", fails=True)
    assert "There is nothing to search" in output


@pytest.mark.parametrize("name", models.MODELS)
def test_every_model_has_a_search_space_with_its_settings_inside(name, params):
    space = search.space(params.model(name), name)
    now = config_file.flat(params)
    assert len(space) >= 8
    assert any(key.endswith("lr") for key in space)
    for key, values in space.items():
        inside = search.encode(now[key]) in values.choices if values.choices else values.low <= now[key] <= values.high
        assert inside, key
        for value in values.choices or (values.low, values.high):
            config_file.with_values(params, search.decode({key: value}, space))


def test_a_value_beyond_the_space_widens_it():
    assert Search(0.1, 1.0).including(2.0) == Search(0.1, 2.0)
    assert Search(choices=(1, 2)).including(3).choices == (1, 2, 3)
    assert Search(choices=("[1]",)).including([2, 3]).choices == ("[1]", "[2, 3]")


def test_values_are_written_as_dvc_and_yaml_read_them():
    space = {"lr": Search(0.001, 0.1), "ema": Search(choices=(0.9995,)), "hidden": Search(choices=("[8, 4]",))}
    drawn = {"lr": 0.0123456, "ema": 0.9995, "hidden": "[8, 4]"}
    assert search.decode(drawn, space) == {"lr": 0.0123, "ema": 0.9995, "hidden": [8, 4]}
    assert search.decode({"lr": 0.1}, {"lr": Search(0.0, 0.09999)}) == {"lr": 0.09999}
    assert search.as_options({"mlp.lr": 1e-05, "mlp.hidden": [8, 4], "gnn.layers": 3}) == (
        "-S mlp.lr=0.00001 -S 'mlp.hidden=[8, 4]' -S gnn.layers=3"
    )
