import numpy as np
import pytest
import torch
from torch_geometric.nn import GCNConv

from fer import artifacts, inputs as named, models
from fer.emotions import EMOTIONS
from fer.errors import FerError, SettingError
from fer.inputs.landmarks import mirror
from fer.inputs.poses import POSES, Pose
from fer.landmarks.graphs import Graph
from fer.models import fusion
from fer.models.cnn import FaceCNN, backbone_blocks
from fer.models.ft_transformer import LocalCoordinates
from fer.models.gnn import LandmarkGNN
from fer.models.standardize import Standardize

RNG = np.random.default_rng(0)
GRAPH = Graph(
    edge_index=np.array([[0, 1, 1, 2, 7, 9], [1, 0, 2, 1, 9, 7]]),
    region=np.arange(478) % 4,
    mean_face=RNG.normal(0, 1, (478, 3)).astype(np.float32),
)
SETTINGS = {
    "mlp": {},
    "transformer": {"layers": 4, "heads": 8, "width": 96, "token_dropout": 0.5, "neighbours": [4, 12, 36, 108]},
    "gnn": {"layers": 5, "width": 128},
    "cnn": {"backbone": "timm:test_resnet", "hidden": 32, "image_size": 32},
    "efficientnetv2": {"backbone": "timm:test_resnet", "hidden": 32, "image_size": 32},
    "fusion": {},
    "tiny": {"widths": [8, 16, 16, 16, 16], "blocks": 1, "image_size": 32},
}
LANDMARK_MODELS = [name for name in models.MODELS if models.network(name).inputs == ("landmarks",)]


def inputs(name, count=4):
    torch.manual_seed(0)
    values = {
        "pixels": torch.randint(0, 256, (count, 48, 48), dtype=torch.uint8),
        # Landmarks as close to each other as real ones, which tremble little about a face.
        "landmarks": torch.from_numpy(GRAPH.mean_face) + 0.1 * torch.randn(count, 478, 3),
    }
    return {key: values[key] for key in models.network(name).inputs}


@pytest.fixture
def network(params, change, tmp_path, monkeypatch):
    """Builds a model as training does, with settings of our own."""
    GRAPH.save(tmp_path / "graphs")
    monkeypatch.chdir(tmp_path)
    parts = {name: change(params.model(name), **SETTINGS[name]) for name in fusion.PARTS}
    arguments = {name: models.network(name).arguments(section, tmp_path) for name, section in parts.items()}
    artifacts.write_json(fusion.START / "config.json", {"arguments": arguments})

    def make(name, faces=None):
        torch.manual_seed(1)
        kind = models.network(name)
        made = kind(**kind.arguments(change(params.model(name), **SETTINGS[name]), tmp_path))
        faces = inputs(name, 50) if faces is None else faces
        made.learn_statistics(faces, tmp_path)
        if "pixels" in made.inputs:
            with torch.no_grad():
                for _ in range(30):  # for batch normalisation: without statistics an untrained network is blind
                    made(**faces)
        return made

    return make


@pytest.fixture
def saved(network, params, change, tmp_path):
    """Builds a model and writes its folder."""

    def write(name, **more):
        made = network(name).eval()
        arguments = models.network(name).arguments(change(params.model(name), **SETTINGS[name]), tmp_path)
        models.write(tmp_path / name, made.state_dict(), {"name": name, "arguments": arguments, **more})
        return made, tmp_path / name

    return write


@pytest.mark.slow
@pytest.mark.parametrize("name", models.MODELS)
def test_logits_and_the_way_through_a_folder_that_is_enough_to_predict(name, saved):
    made, folder = saved(name)
    # Nothing but the folder is needed.
    (folder.parent / "graphs" / "edge_index.npy").unlink()
    (fusion.START / "config.json").unlink()
    logits = made(**inputs(name))
    assert logits.shape == (4, 7)
    rebuilt, config = models.load(folder, name)
    assert not rebuilt.training
    assert config["name"] == name
    assert torch.equal(rebuilt(**inputs(name)), logits)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("mlp", 860_000, 880_000), ("transformer", 900_000, 1_100_000), ("gnn", 200_000, 600_000)],
)
def test_sizes_of_the_original_work(name, least, most, network):
    assert least <= models.parameter_count(network(name)) <= most


@pytest.mark.parametrize("name", LANDMARK_MODELS)
def test_a_face_without_landmarks_is_seen_as_the_mean_face(name, network):
    faces = inputs(name, 50)["landmarks"]
    faces[::7] = torch.nan
    made = network(name, {"landmarks": faces}).eval()
    # The gnn's features are pooled over the nodes: its mean face is the graph's, with an offset of nothing.
    logits = made(torch.full((1, 478, 3), torch.nan))
    assert torch.isfinite(logits).all()
    if name != "gnn":
        torch.testing.assert_close(logits, made(faces.nanmean(0, keepdim=True)), atol=1e-4, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", models.MODELS)
def test_half_precision_gives_nearly_the_same_logits(name, network):
    made = network(name).eval()
    faces = inputs(name, 12)
    with torch.no_grad():
        exact = made(**faces)
        with torch.autocast("cpu", torch.bfloat16):
            rough = made(**faces).float()
    assert not torch.equal(exact, rough), "autocast did nothing"
    # bfloat16 keeps 8 bits: some hundredths of the logits' own spread.
    assert (exact - rough).square().mean().sqrt() < 0.06 * exact.std(0).mean()


def test_offsets_from_neighbours_are_exact_under_autocast():
    values = inputs("transformer", 64)["landmarks"]
    layer = LocalCoordinates([4, 12], 478)
    layer.fit(values)
    with torch.autocast("cpu", torch.bfloat16):
        rough = layer(values)
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, layer(values))


@pytest.mark.slow
@pytest.mark.parametrize("name", models.MODELS)
def test_the_first_view_is_the_face_itself_and_the_second_its_mirror_image(name, network):
    made = network(name).eval()
    faces = inputs(name)
    plain, flipped = (named.view(faces, pose, made) for pose in named.poses(made.inputs)[:2])
    assert torch.equal(made(**plain), made(**faces))
    mirrored = {key: mirror(own) if key == "landmarks" else own.flip(-1) for key, own in faces.items()}
    torch.testing.assert_close(made(**flipped), made(**mirrored), atol=1e-4, rtol=1e-3)
    assert not torch.equal(made(**mirrored), made(**faces))


def test_each_view_of_pixels_holds_the_face_in_its_pose(network):
    made = network("cnn")
    # A bright dot off the centre goes where each pose says.
    face = torch.zeros(1, 32, 32)
    face[0, 8, 20] = 255
    for pose in POSES:
        x, y = (20.5 / 32 - 0.5) * pose.zoom * (-1 if pose.mirrored else 1), (8.5 / 32 - 0.5) * pose.zoom
        angle = np.deg2rad(pose.degrees)
        cosine, sine = np.cos(angle), np.sin(angle)
        expected = np.array([x * cosine - y * sine + pose.right, x * sine + y * cosine + pose.down])
        seen = named.view({"pixels": face}, pose, made)["pixels"][0]
        rows, columns = torch.meshgrid(torch.arange(32) + 0.5, torch.arange(32) + 0.5, indexing="ij")
        centre = torch.stack([(seen * columns).sum(), (seen * rows).sum()]) / seen.sum() / 32 - 0.5
        assert np.abs(centre.numpy() - expected).max() < 0.012, pose


def test_inputs_know_how_many_views_they_can_tell_apart():
    assert named.poses(("pixels",)) == POSES == named.poses(("landmarks", "pixels"))
    assert named.poses(("landmarks",)) == (Pose(), Pose(mirrored=True))


def test_a_folder_with_other_emotions_is_refused(saved):
    _, folder = saved("mlp")
    config = artifacts.read_json(folder / "config.json")
    artifacts.write_json(folder / "config.json", config | {"emotions": list(reversed(EMOTIONS))})
    with pytest.raises(FerError, match="in another order"):
        models.load(folder, "mlp")


def test_a_folder_of_another_model_is_refused(saved):
    _, folder = saved("mlp")
    with pytest.raises(FerError, match="holds the model 'mlp' instead of gnn"):
        models.load(folder, "gnn")


@pytest.mark.parametrize("arguments", [{}, {"hidden": [8], "dropout": 0.0}])
def test_weights_that_do_not_fit_their_config(arguments, saved):
    _, folder = saved("mlp")
    artifacts.write_json(folder / "config.json", artifacts.read_json(folder / "config.json") | {"arguments": arguments})
    with pytest.raises(FerError, match="do not fit its config"):
        models.load(folder, "mlp")


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


def test_a_hidden_landmark_changes_only_the_offsets_of_its_neighbours():
    rng = np.random.default_rng(0)
    line = np.stack([np.arange(6.0) ** 1.5, np.zeros(6), np.zeros(6)], -1)
    values = torch.from_numpy((line + rng.normal(0, 0.05, (50, 6, 3))).astype(np.float32))
    layer = LocalCoordinates([2], points=6)
    layer.fit(values)
    hidden = values.clone()
    hidden[:, 0] = torch.nan
    before, after = layer(values), layer(hidden)
    torch.testing.assert_close(after[:, 2:], before[:, 2:], atol=0, rtol=0)
    assert (after[:, 0] == 0).all()
    torch.testing.assert_close(after[:, 1, :3], before[:, 1, :3], atol=0, rtol=0)
    # Landmark 1 is measured against where landmark 0 lies in the mean face.
    average = (values[:, 1] + layer.parts[0].mean[0]) / 2
    expected = ((values[:, 1] - average) - layer.parts[1].mean[1]) / layer.parts[1].std[1]
    torch.testing.assert_close(after[:, 1, 3:], expected, atol=1e-4, rtol=1e-4)


def test_token_dropout_is_for_training_alone(network):
    made = network("transformer")
    made.blocks.eval()  # no other chance
    faces = inputs("transformer")
    assert not torch.equal(made(**faces), made(**faces))
    made.eval()
    assert torch.equal(made(**faces), made(**faces))


def test_the_graph_decides_who_hears_whom(network):
    made = network("gnn").eval()
    faces = inputs("gnn")
    before = made(**faces)
    faces["landmarks"][:, 300] += 5  # an isolated node
    assert torch.equal(made(**faces), before)
    faces["landmarks"][:, 7] += 5
    assert not torch.equal(made(**faces), before)


def test_a_graph_convolution_is_that_of_the_edges(network):
    """The dense product is the gathering and scattering that torch-geometric does along the edges."""
    made = network("gnn")
    dense = made.convolutions[0]
    sparse = GCNConv(128, 128)
    sparse.load_state_dict(dense.state_dict())
    _, edges = np.unique(GRAPH.edge_index, return_inverse=True)
    hidden = torch.randn(3, 5, 128)
    expected = sparse(hidden, torch.from_numpy(edges.reshape(2, -1)))
    torch.testing.assert_close(dense(hidden, made.adjacency, add_loop=False), expected)


def test_the_graph_network_sees_offsets_from_the_mean_face(network):
    made = network("gnn")
    assert made.mean_face.numpy() == pytest.approx(GRAPH.mean_face[[0, 1, 2, 7, 9]])
    assert LandmarkGNN.sizes(GRAPH) == {"nodes": 5, "regions": 4}
    features = made._features(inputs("gnn")["landmarks"])
    torch.testing.assert_close(features[..., 3:], features[..., :3] - made.mean_face)


class TestFreezing:
    @pytest.fixture
    def cnn(self, network) -> FaceCNN:
        return network("cnn")

    def step(self, cnn):
        cnn.train()
        learning = [parameter for parameter in cnn.parameters() if parameter.requires_grad]
        optimizer = torch.optim.SGD(learning, 0.1)
        torch.nn.functional.cross_entropy(cnn(**inputs("cnn")), torch.tensor([0, 1, 2, 3])).backward()
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
        with pytest.raises(SettingError, match=r"partial\.blocks = 99") as error:
            cnn.freeze(99)
        assert error.value.of("second").message.startswith("second.partial.blocks = 99")


@pytest.mark.parametrize("name", ["resnet18", "timm:resnet10t"])
def test_other_backbones(name):
    made = FaceCNN(name, hidden=16, dropout=0.0, image_size=32)
    assert made.eval()(**inputs("cnn")).shape == (4, 7)
    assert len(backbone_blocks(made.backbone)) >= 4


@pytest.mark.parametrize("name", ["efficientnet_b99", "timm:nothing_like_it", "fcn_resnet50"])
def test_backbones_that_do_not_exist_or_classify(name):
    with pytest.raises(SettingError, match=rf"backbone.*{name}"):
        FaceCNN(name, hidden=16, dropout=0.0, image_size=32)


def test_the_first_epochs_of_a_phase_see_smaller_pictures(params, change):
    faces = torch.zeros(2, 48, 48, dtype=torch.uint8)

    def sizes(small_size):
        settings = change(params.cnn, small_size=small_size, full=change(params.cnn.full, small_epochs=2))
        made = FaceCNN("timm:test_resnet", hidden=8, dropout=0.0, image_size=64)
        made.begin("full", settings)
        seen = []
        for epoch in range(4):
            made.begin_epoch(epoch)
            seen.append(named.augment({"pixels": faces}, params.cnn.augment, made)["pixels"].shape[-1])
        return seen

    assert sizes(32) == [32, 32, 64, 64]
    assert sizes(96) == [64, 64, 64, 64], "smaller means no larger than image_size"


def test_only_training_sees_smaller_pictures(params, change):
    made = FaceCNN("timm:test_resnet", hidden=8, dropout=0.0, image_size=64)
    seen = []
    made.backbone.register_forward_pre_hook(lambda _, values: seen.append(values[0].shape[-1]))
    made.begin("full", change(params.cnn, small_size=32, full=change(params.cnn.full, small_epochs=1)))
    made.begin_epoch(0)
    for mode in (True, False):
        made.train(mode)(torch.zeros(2, 48, 48, dtype=torch.uint8))
    assert seen == [32, 64]
