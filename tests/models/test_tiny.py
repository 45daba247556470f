"""The small network: how large it may be, as it is set and as it is shipped."""

import numpy as np
import pytest
import torch

from fer import models
from fer.export import int8, onnx_file
from fer.inference.network import Network
from fer.models.tiny import TinyCNN
from tests.conftest import ABOUT


@pytest.fixture
def network(params, tmp_path):
    """The network of params.yaml."""
    torch.manual_seed(0)
    return TinyCNN(**TinyCNN.arguments(params.tiny, tmp_path)).eval()


def test_it_has_fewer_than_200_000_parameters(network):
    assert 50_000 < models.parameter_count(network) < 200_000


def test_in_eight_bits_its_file_takes_300_kilobytes_at_most(network, tmp_path):
    faces = {"pixels": np.random.default_rng(0).integers(0, 256, (4, 48, 48), np.uint8)}
    onnx_file.write(tmp_path / "tiny.onnx", network, faces, ABOUT)
    int8.write(tmp_path / "tiny.onnx", tmp_path / "small.onnx")
    assert (tmp_path / "small.onnx").stat().st_size <= 300_000
    found = Network(tmp_path / "small.onnx").probabilities(faces)
    with torch.no_grad():
        expected = network.probabilities(pixels=torch.from_numpy(faces["pixels"])).numpy()
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.parametrize("size", [32, 48, 96])
def test_faces_of_any_size_are_brought_to_its_own(size):
    network = TinyCNN([4, 8, 16], blocks=2, dropout=0.0, image_size=48).eval()
    seen = []
    network.enter.register_forward_pre_hook(lambda _, values: seen.append(values[0].shape))
    assert network(torch.zeros(2, size, size, dtype=torch.uint8)).shape == (2, 7)
    assert seen == [(2, 1, 48, 48)]


def test_each_stage_halves_the_picture_and_shortcuts_carry_it_on():
    network = TinyCNN([4, 8, 16], blocks=3, dropout=0.0, image_size=48).eval()
    assert network.blocks(torch.zeros(1, 4, 48, 48)).shape == (1, 16, 12, 12)
    assert [block.shortcut for block in network.blocks] == [False, True, True, False, True, True]
    values = torch.rand(1, 16, 6, 6)
    last = network.blocks[-1]
    for own in last.parameters():
        own.data.zero_()
    torch.testing.assert_close(last(values), values)


def test_its_class_activation_maps_are_exact(network):
    faces = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8))
    assert network.has_feature_map
    with torch.no_grad():
        logits, features, weights = network.explained(faces)
        torch.testing.assert_close(logits, network(faces))
    assert features.shape == (3, 192, 6, 6)
    maps = torch.einsum("nkc,nchw->nkhw", weights.expand(3, -1, -1), features)
    torch.testing.assert_close(maps.mean((2, 3)) + network.head[-1].bias, logits, rtol=1e-4, atol=1e-4)
    assert not TinyCNN([4, 4, 4, 4, 4, 4], blocks=1, dropout=0.0, image_size=32).has_feature_map
