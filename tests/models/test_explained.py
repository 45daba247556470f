"""What a network on pixels says of itself for class activation maps."""

import numpy as np
import pytest
import torch
from torch import nn

from fer import models
from fer.inputs.pixels import enlarge
from fer.models.base import FaceModel
from fer.models.cnn import FaceCNN


class LinearHead(FaceModel):
    """A convolution, its mean over all places, and a linear layer: what Zhou et al. 2016 explain exactly."""

    inputs = ("pixels",)
    image_size = 48
    has_feature_map = True

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.head = nn.Conv2d(1, 8, 5, stride=4), nn.Linear(8, 7)

    def explained(self, pixels):
        features = self.convolution(enlarge(pixels, self.image_size).unsqueeze(1) / 255).relu()
        return self.head(features.mean((2, 3))), features, self.head.weight.unsqueeze(0)

    def forward(self, pixels):
        return self.explained(pixels)[0]


@pytest.fixture
def faces():
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8))


@pytest.mark.parametrize("backbone", ["timm:test_resnet", "timm:test_efficientnet", "mnasnet0_5"])
def test_the_weights_are_the_slopes_of_the_logits(faces, backbone):
    torch.manual_seed(0)
    network = FaceCNN(backbone, hidden=16, dropout=0.5, image_size=64).eval()
    assert network.has_feature_map
    with torch.no_grad():
        logits, features, weights = network.explained(faces)
        torch.testing.assert_close(logits, network(faces))
    assert features.shape[2:] == (2, 2)
    pooled = features.mean((2, 3))
    torch.testing.assert_close(network.head(pooled), logits)
    slopes = torch.func.vmap(torch.func.jacrev(network.head))(pooled)
    torch.testing.assert_close(weights, slopes)


def test_the_mean_of_a_map_is_the_logit_of_a_linear_head_but_for_its_bias(faces):
    torch.manual_seed(0)
    network = LinearHead().eval()
    logits, features, weights = network.explained(faces)
    maps = torch.einsum("nkc,nchw->nkhw", weights.expand(3, -1, -1), features)
    torch.testing.assert_close(maps.mean((2, 3)) + network.head.bias, logits)


@pytest.mark.parametrize(("backbone", "size"), [("timm:test_vit", 160), ("timm:test_resnet", 32)])
def test_a_backbone_that_averages_no_map_says_so(backbone, size):
    network = FaceCNN(backbone, hidden=8, dropout=0.0, image_size=size).eval()
    assert not network.has_feature_map  # a map of one place is none


def test_no_model_has_a_feature_map_unless_it_says_so():
    assert not models.network("mlp")(hidden=(8,), dropout=0.0).has_feature_map
