"""Wrong values in params.yaml: each is named in one line, by the first stage."""

from pathlib import Path

import pytest

SECTIONS = [
    ({"train": {"seed": 2**64}}, "train.seed = 18446744073709551616: Input should be less than 4294967296"),
    ({"mlp": {"lr": True}}, "mlp.lr = True: true and false are no numbers"),
    ({"mlp": {"lr": float("inf")}}, "mlp.lr = inf: Input should be a finite number"),
    ({"mlp": {"optim": 3}}, "mlp.optim = 3"),
    ({"mlp": None}, "mlp = None"),
    ({"mlp": {"optim": {"ema": float("nan")}}}, "mlp.optim.ema = nan"),
    ({"mlp": {"learning_rate": 0.1}}, "mlp.learning_rate is not a known key"),
    ({"mlp": {"epochs": "many"}}, "mlp.epochs = 'many'"),
    ({"transformer": {"heads": 7}}, "transformer: width (96) must be a multiple of heads (7)"),
    ({"evaluate": {"bootstrap": 100_000_000}}, "evaluate.bootstrap = 100000000"),
    ({"train": {"device": "cuda"}}, "train.device = cuda: there is no such device"),
    ({"train": {"precision": "16-mixed"}}, "train.precision = 16-mixed needs a CUDA device"),
    ({"mlp": {"hidden": [10_000_000, 10_000_000]}}, "parameters take 2,400,347 GB to train"),
    ({"cnn": {"weights": "gone.safetensors"}}, "cnn.weights = gone.safetensors: gone.safetensors, which is no file"),
    ({"cnn": {"partial": {"blocks": 999}}}, "cnn.partial.blocks = 999: this backbone has"),
    ({"cnn": {"backbone": "resnet1"}}, "cnn.backbone = resnet1: torchvision has no such classifier"),
    ({"cnn": {"backbone": "timm:local-dir:nowhere"}}, "cnn.backbone = timm:local-dir:nowhere: timm has no such model"),
    ({"cnn": {"backbone": "timm:"}}, "cnn.backbone = timm:: timm has no such model"),
    ({"cnn": {"backbone": "timm:nothing"}}, "cnn.backbone = timm:nothing: timm has no such model"),
    ({"data": {"dataset": "gone"}}, "data.dataset is 'gone': neither fer2013 nor drawn"),
]


@pytest.mark.parametrize(("changes", "said"), SECTIONS, ids=[said[:40] for _, said in SECTIONS])
def test_a_value_that_can_t_be_used(changes, said, change, stage, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    change({"data": {"dataset": "drawn"}})
    change(changes)
    result = stage("download")
    assert result.exit_code == 1
    assert said in result.output
    assert not Path("data").exists()


def test_all_wrong_values_are_named_at_once(change, stage):
    change({"data": {"dataset": "gone"}, "cnn": {"backbone": "timm:nothing", "partial": {"blocks": 0}}})
    assert "cnn.partial.blocks = 0" in stage("download").output  # what is no value at all comes first
    change({"cnn": {"partial": {"blocks": 1}}})
    output = stage("download").output
    assert "data.dataset is 'gone'" in output
    assert "timm has no such model" in output


TEXTS = [
    (b"\xff\xfe", "params.yaml is no UTF-8 text"),
    (b"mlp: {lr: 1}\nmlp: {lr: 2}\n", "mlp is given twice in the block that begins in line 1"),
    (b"mlp:\n  lr: 1\n  lr: 2\n", "lr is given twice in the block that begins in line 2"),
    (b"mlp: [", "is no valid YAML"),
    (b"!!python/object/apply:os.system [ls]", "is no valid YAML"),
    (b"just words", "must hold sections"),
    (b"1: 2", "must hold sections"),
    (b"", "must hold sections"),
    (b"? [a, b]\n: c", "is no valid YAML"),
]


@pytest.mark.parametrize(("content", "said"), TEXTS, ids=[said[:30] for _, said in TEXTS])
def test_a_file_that_is_no_params(content, said, change, stage):
    Path("params.yaml").write_bytes(content)
    result = stage("download")
    assert result.exit_code == 1
    assert said in result.output


def test_a_folder_in_place_of_the_file(change, stage):
    Path("params.yaml").unlink()
    Path("params.yaml").mkdir()
    assert "params.yaml can't be read (Is a directory)" in stage("split").output
