import pytest
import yaml

from fer import config, config_file
from fer.errors import FerError


@pytest.fixture
def edited(tmp_path, params):
    """Writes params.yaml with one edit and loads it."""

    def load(section, **values):
        content = params.model_dump()
        target = content
        for part in section.split("."):
            target = target[part]
        target.update(values)
        for key in [key for key, value in values.items() if value is None]:
            del target[key]
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(content))
        return config.load(path)

    return load


def test_the_file_is_valid_and_the_committed_one_defaults_to_fer2013(params, committed):
    assert yaml.safe_load(committed("params.yaml"))["data"]["dataset"] == "fer2013"
    assert params.cnn.recipe("partial").epochs == params.cnn.partial.epochs


@pytest.mark.parametrize(
    ("section", "values", "says"),
    [
        ("cnn", {"mixup_alhpa": 0.3}, "cnn.mixup_alhpa is not a known key"),
        ("cnn", {"mixup_alpha": -1}, "cnn.mixup_alpha = -1"),
        ("cnn.full", {"epochs": 0}, "cnn.full.epochs = 0"),
        ("cnn.full", {"lr": None}, "cnn.full.lr is missing"),
        ("split", {"protocol": "random"}, "split.protocol = 'random'"),
        ("transformer", {"width": 30}, "multiple of heads"),
        ("mlp", {"lr": "1e-3x"}, "mlp.lr = '1e-3x'"),
        ("evaluate", {"views": 19}, "evaluate.views = 19"),
        ("evaluate", {"bootstrap": 100_000_000}, "evaluate.bootstrap = 100000000"),
        ("train", {"strategy": "fsdp"}, "train.strategy = 'fsdp'"),
        ("data", {"size": 225, "dataset": "my/faces"}, "data.size = 225"),
        ("landmarks", {"views": []}, "landmarks.views = []"),
    ],
)
def test_what_is_wrong_is_named(edited, section, values, says):
    with pytest.raises(FerError, match=r"params\.yaml") as error:
        edited(section, **values)
    assert says in error.value.message


def test_every_problem_is_named_at_once(edited):
    with pytest.raises(FerError) as error:
        edited("train", seed=-1, device="tpu")
    assert "train.seed" in error.value.message
    assert "train.device" in error.value.message


@pytest.mark.parametrize(
    ("text", "says"), [(None, "missing"), ("a: [1", "no valid YAML"), ("- 1", "must hold sections")]
)
def test_a_file_that_is_none(tmp_path, text, says):
    path = tmp_path / "params.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(FerError, match=says):
        config.load(path)


def test_other_values_are_given_as_dvc_takes_them(params):
    assignments = ["mlp.lr=0.002", "mlp.hidden=[64, 32]", "cnn.full.epochs=3", "cnn.weights=none"]
    changed, values = config_file.change(params, assignments)
    assert (changed.mlp.lr, changed.mlp.hidden, changed.cnn.full.epochs, changed.cnn.weights) == (
        0.002, [64, 32], 3, "none",
    )  # fmt: skip
    assert set(values) == {"mlp.lr", "mlp.hidden", "cnn.full.epochs", "cnn.weights"}
    flat = config_file.flat(changed)
    assert flat["mlp.hidden"] == [64, 32]
    assert {key for key, value in flat.items() if config_file.flat(params)[key] != value} == set(values)


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("mlp.lr", "write it as section.key=value"),
        ("mlp.lr=", "write it as section.key=value"),
        ("mlp.lr=[", "no valid YAML"),
        ("mlp.lr=2024-99-99", "no valid YAML"),
        (f"mlp.lr={2000 * '['}", "no valid YAML"),
        ("landmarks.presence=0", "landmarks.presence = 0"),
        ("mlp.rate=1", "mlp.rate is not a known key"),
        ("mlp.lr.x=1", "mlp.lr.x is not a known key"),
        ("nobody.lr=1", "nobody.lr is not a known key"),
        ("mlp.lr=-1", "mlp.lr = -1"),
    ],
)
def test_a_value_that_is_no_good_is_named(params, assignment, says):
    with pytest.raises(FerError, match=says):
        config_file.change(params, [assignment])
