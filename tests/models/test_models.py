import numpy as np
import pytest
import torch

from fer import artifacts, models
from fer.errors import FerError
from fer.models.cnn import FaceCNN, backbone_blocks, prepare
from fer.models.ft_transformer import LocalCoordinates
from fer.models.gnn import LandmarkGNN
from fer.models.standardize import Standardize

EDGES = torch.tensor([[0, 1, 1, 2, 7, 9], [1, 0, 2, 1, 9, 7]])
REGION = torch.arange(478) % 4
ARGUMENTS = {
    "classifier": {"hidden": [512, 256], "dropout": 0.4},
    "transformer": {
        "layers": 4,
        "heads": 8,
        "width": 96,
        "dropout": 0.1,
        "token_dropout": 0.5,
        "neighbours": [4, 12, 36, 108],
    },
    "gnn": {**LandmarkGNN.graph_sizes(EDGES, REGION), "features": 6, "layers": 5, "width": 128, "dropout": 0.1},
    "cnn": {"backbone": "mobilenet_v3_small", "hidden": 32, "dropout": 0.1, "image_size": 32},
}


def inputs(name, count=4):
    torch.manual_seed(0)
    if name == "cnn":
        return prepare(torch.randint(0, 256, (count, 48, 48), dtype=torch.uint8), 32)
    return torch.randn(count, 478, 6 if name == "gnn" else 3)


def network(name):
    torch.manual_seed(1)
    made = models.build(name, ARGUMENTS[name])
    if name == "gnn":
        made.set_graph(EDGES, REGION)
    return made


@pytest.mark.parametrize("name", ARGUMENTS)
def test_logits_and_the_way_through_a_checkpoint(name, tmp_path):
    made = network(name).eval()
    logits = made(inputs(name))
    assert logits.shape == (4, 7)
    artifacts.write_model(tmp_path, made.state_dict(), {"name": name, "arguments": ARGUMENTS[name]})
    rebuilt = models.rebuild(*artifacts.read_model(tmp_path))
    assert not rebuilt.training
    assert torch.equal(rebuilt(inputs(name)), logits)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("classifier", 860_000, 880_000), ("transformer", 900_000, 1_100_000), ("gnn", 200_000, 600_000)],
)
def test_sizes_of_the_original_work(name, least, most):
    assert least <= models.parameter_count(network(name)) <= most


@pytest.mark.parametrize("name", ["classifier", "transformer", "gnn"])
def test_a_face_without_landmarks_is_seen_as_the_mean_face(name):
    made = network(name).eval()
    faces = inputs(name, 50)
    faces[::7] = torch.nan
    made.standardize.fit(faces)
    # The gnn's statistics are one a feature, the others' one a landmark.
    mean = faces.nanmean((0, 1) if name == "gnn" else 0).expand(1, *faces.shape[1:])
    logits = made(torch.full_like(mean, torch.nan))
    assert torch.isfinite(logits).all()
    torch.testing.assert_close(logits, made(mean), atol=1e-4, rtol=1e-4)


def test_a_checkpoint_that_does_not_fit(tmp_path):
    artifacts.write_model(tmp_path, network("classifier").state_dict(), {"name": "classifier", "arguments": {}})
    with pytest.raises(FerError, match="does not fit its config"):
        models.rebuild(*artifacts.read_model(tmp_path))
    other = {"name": "classifier", "arguments": {"hidden": [8], "dropout": 0.0}}
    with pytest.raises(FerError, match="does not fit its config"):
        models.rebuild(artifacts.read_model(tmp_path)[0], other)


def test_standardize_ignores_what_is_unknown():
    values = np.random.default_rng(0).normal(3, 2, (200, 5, 3)).astype(np.float32)
    values[::4] = np.nan
    layer = Standardize((5, 3))
    layer.fit(torch.from_numpy(values))
    np.testing.assert_allclose(layer.mean, np.nanmean(values, 0), atol=1e-5)
    np.testing.assert_allclose(layer.std, np.nanstd(values, 0), atol=1e-5)
    pooled = Standardize((1, 3))
    pooled.fit(torch.from_numpy(values))
    np.testing.assert_allclose(pooled.mean[0], np.nanmean(values, (0, 1)), atol=1e-5)


def test_local_coordinates_are_standardised_offsets_from_the_nearest_landmarks():
    rng = np.random.default_rng(0)
    line = np.stack([np.arange(6.0) ** 1.5, np.zeros(6), np.zeros(6)], -1)  # unequal gaps, so no ties
    values = torch.from_numpy((line + rng.normal(0, 0.05, (500, 6, 3))).astype(np.float32))
    values[::5] = torch.nan
    layer = LocalCoordinates([2, 6], points=6)
    layer.fit(values)
    assert layer.nearest[:, :2].tolist() == [[0, 1], [1, 0], [2, 1], [3, 2], [4, 3], [5, 4]]
    local = layer(values)
    assert local.shape == (500, 6, 9)
    assert not local.isnan().any()
    known = local[~values[:, 0, 0].isnan()]
    torch.testing.assert_close(known.mean(0), torch.zeros(6, 9), atol=1e-4, rtol=0)
    torch.testing.assert_close(known.std(0), torch.ones(6, 9), atol=1e-2, rtol=0)
    # Shifting the whole face moves the coordinates and no offset.
    torch.testing.assert_close(layer(values + 1)[..., 3:], local[..., 3:], atol=1e-3, rtol=0)
    assert (layer(values + 1)[1, :, :3] > local[1, :, :3] + 1).all()


def test_token_dropout_is_for_training_alone():
    made = network("transformer")
    made.blocks.eval()  # no other chance
    landmarks = inputs("transformer")
    assert not torch.equal(made(landmarks), made(landmarks))
    made.eval()
    assert torch.equal(made(landmarks), made(landmarks))


def test_the_graph_decides_who_hears_whom():
    made = network("gnn").eval()
    features = inputs("gnn")
    before = made(features)
    features[:, 300] += 5  # an isolated node
    assert torch.equal(made(features), before)
    features[:, 7] += 5
    assert not torch.equal(made(features), before)


class TestFreezing:
    @pytest.fixture
    def cnn(self) -> FaceCNN:
        return network("cnn")

    def step(self, cnn):
        cnn.train()
        learning = [parameter for parameter in cnn.parameters() if parameter.requires_grad]
        optimizer = torch.optim.SGD(learning, 0.1)
        torch.nn.functional.cross_entropy(cnn(inputs("cnn")), torch.tensor([0, 1, 2, 3])).backward()
        optimizer.step()

    @pytest.mark.parametrize("trainable", [0, 2, None])
    def test_frozen_blocks_keep_weights_and_statistics(self, cnn, trainable):
        blocks = backbone_blocks(cnn.backbone)
        cnn.freeze(trainable)
        before = [{key: value.clone() for key, value in block.state_dict().items()} for block in blocks]
        self.step(cnn)
        still = [
            all(torch.equal(b[k], v) for k, v in block.state_dict().items())
            for b, block in zip(before, blocks, strict=True)
        ]
        frozen = len(blocks) if trainable == 0 else 0 if trainable is None else len(blocks) - trainable
        assert still == [True] * frozen + [False] * (len(blocks) - frozen)

    def test_more_blocks_than_there_are(self, cnn):
        with pytest.raises(FerError, match=r"cnn\.partial\.blocks"):
            cnn.freeze(99)


@pytest.mark.parametrize("name", ["resnet18", "timm:resnet10t"])
def test_other_backbones(name):
    made = FaceCNN(name, hidden=16, dropout=0.0, image_size=32)
    assert made.eval()(inputs("cnn")).shape == (4, 7)
    assert len(backbone_blocks(made.backbone)) >= 4


@pytest.mark.parametrize("name", ["efficientnet_b99", "timm:nothing_like_it", "fcn_resnet50"])
def test_backbones_that_do_not_exist_or_classify(name):
    with pytest.raises(FerError, match=rf"cnn\..*{name}"):
        FaceCNN(name, hidden=16, dropout=0.0, image_size=32)
