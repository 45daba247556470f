from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fer import inputs
from fer.inputs.base import Draw
from fer.inputs.pixels import enlarge
from fer.landmarks.symmetry import FLIP
from fer.models.ft_transformer import FTTransformer
from fer.models.gnn import LandmarkGNN
from fer.training.batches import Batches
from fer.training.mixup import mixup
from fer.training.module import Training, rate


class TestBatches:
    def rows(self, batches):
        return [labels.tolist() for _, labels, _ in batches]

    def faces(self, batches):
        return [row for batch in self.rows(batches) for row in batch]

    @pytest.fixture
    def numbered(self, data):
        data.labels.copy_(torch.arange(280))
        return data

    def test_in_order_with_the_remainder(self, numbered):
        batches = Batches(numbered, numbered.val, 32)
        assert self.faces(batches) == list(range(210, 280))
        assert len(batches) == len(list(batches)) == 3

    def test_an_epoch_sees_each_face_at_most_once_in_its_own_order(self, numbered):
        epoch = 0
        batches = Batches(numbered, numbered.train, 32, seed=1, epoch=lambda: epoch)
        first = self.rows(batches)
        assert first == self.rows(batches)
        assert len(first) == len(batches) == 210 // 32
        assert len(set(self.faces(batches))) == 6 * 32
        epoch = 1
        assert first != self.rows(batches)

    def test_processes_share_an_epoch(self, numbered):
        shares = [Batches(numbered, numbered.train, 32, seed=1, rank=rank, world=2) for rank in (0, 1)]
        seen = [self.faces(share) for share in shares]
        assert not set(seen[0]) & set(seen[1])
        assert len(seen[0]) == len(seen[1]) == 96


class TestLandmarks:
    @pytest.fixture
    def points(self):
        return torch.from_numpy(np.random.default_rng(0).normal(size=(6, 478, 3)).astype(np.float32))

    def vary(self, points, params, change, flip=0.0, **values):
        ranges = {"rotation": 0.0, "jitter": 0.0} | values
        augment = change(params.mlp.augment, flip=flip, landmarks=ranges)
        return inputs.augment({"landmarks": points}, augment, None)["landmarks"]

    def test_mirroring_turns_x_round_and_exchanges_left_and_right(self, points, params, change):
        expected = points.numpy()[:, FLIP] * np.float32([-1, 1, 1])
        np.testing.assert_allclose(self.vary(points, params, change, flip=1.0), expected, atol=1e-6)

    def test_each_face_has_its_own_draw(self, points, params, change):
        same_face = points[:1].expand(6, -1, -1)
        varied = self.vary(same_face, params, change, rotation=5.0)
        assert len({round(float(face[0, 0]), 6) for face in varied}) == 6
        torch.testing.assert_close(varied.norm(dim=2), same_face.norm(dim=2))

    def test_unknown_stays_unknown(self, points, params, change):
        points[2] = torch.nan
        varied = self.vary(points, params, change, flip=1.0, rotation=5.0, jitter=0.01)
        assert torch.isnan(varied[2]).all()
        assert torch.isfinite(varied[[0, 1, 3]]).all()


class TestImages:
    network = SimpleNamespace(image_size=64, training_size=None)

    @pytest.fixture
    def images(self):
        return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (8, 48, 48), np.uint8))

    def vary(self, images, augment):
        return inputs.augment({"pixels": images}, augment, self.network)["pixels"]

    def test_range_shape_and_one_draw_a_face(self, images, params):
        same_face = images[:1].expand(8, -1, -1)
        torch.manual_seed(0)
        varied = self.vary(same_face, params.cnn.augment)
        assert varied.shape == (8, 64, 64)
        assert varied.min() >= 0
        assert 1 < varied.max() <= 255
        assert len({round(float(face.mean()), 6) for face in varied}) == 8

    def off(self, params, change, **values):
        ranges = params.cnn.augment.pixels.model_dump()
        return change(params.cnn.augment, flip=0.0, pixels=dict.fromkeys(ranges, 0.0) | values)

    def test_without_ranges_it_only_enlarges(self, images, params, change):
        varied = self.vary(images, self.off(params, change))
        torch.testing.assert_close(varied, enlarge(images, 64), atol=0.03, rtol=1e-4)

    def test_a_face_of_the_right_size_stays_as_it_is(self, images):
        assert torch.equal(enlarge(images, 48), images.float())

    def test_an_erased_rectangle_is_grey_and_of_the_size_that_it_should_be(self, images, params, change):
        faces = torch.zeros(200, 48, 48, dtype=torch.uint8)
        varied = self.vary(faces, self.off(params, change, erasing=1.0))
        share = (varied == 127.5).float().mean(dim=(1, 2))
        assert ((varied == 127.5) | (varied == 0)).all()
        assert 0.015 < share.min() < 0.04
        assert 0.15 < share.max() < 0.22
        half = self.vary(faces, self.off(params, change, erasing=0.5))
        assert 0.35 < (half.amax(dim=(1, 2)) > 0).float().mean() < 0.65


def test_mirroring_and_turn_are_drawn_once_for_all_inputs_of_a_face(params, change):
    """The pixels' bright dot and the landmarks, which lie where the dot is, move alike."""
    count = 64
    pixels = torch.zeros(count, 48, 48)
    pixels[:, 16, 30] = 255.0
    landmarks = torch.zeros(count, 478, 3)
    landmarks[..., 0], landmarks[..., 1] = 30.5 - 24, 16.5 - 24
    values = {"pixels": pixels, "landmarks": landmarks}
    ranges = dict.fromkeys(params.cnn.augment.pixels.model_dump(), 0.0) | {"rotation": 30.0}
    augment = SimpleNamespace(
        flip=0.5,
        pixels=SimpleNamespace(**ranges),
        landmarks=SimpleNamespace(rotation=30.0, jitter=0.0),
    )
    varied = inputs.augment(values, augment, SimpleNamespace(image_size=48, training_size=None))
    axis = torch.arange(48) + 0.5 - 24
    weight = varied["pixels"].sum(dim=(1, 2))
    seen = torch.stack([(varied["pixels"].sum(1) * axis).sum(1), (varied["pixels"].sum(2) * axis).sum(1)], 1)
    torch.testing.assert_close(seen / weight[:, None], varied["landmarks"][:, 0, :2], atol=0.35, rtol=0)
    assert 10 < (varied["landmarks"][:, 0, 0] < 0).sum() < 54  # some of them mirrored


def test_a_turn_is_between_its_limits_and_half_the_faces_are_mirrored():
    draw = Draw.of(4000, 0.5, torch.device("cpu"))
    assert draw.turn.abs().max() <= 1
    assert abs(float(draw.turn.mean())) < 0.05
    assert 0.45 < draw.mirrored.float().mean() < 0.55


class TestMixup:
    def test_off(self):
        values, targets = {"pixels": torch.rand(4, 3)}, torch.rand(4, 7)
        mixed, same = mixup(values, targets, 0.0)
        assert torch.equal(mixed["pixels"], values["pixels"])
        assert torch.equal(same, targets)

    def test_inputs_and_targets_are_mixed_alike(self):
        torch.manual_seed(0)
        values = {"pixels": torch.eye(7), "landmarks": torch.eye(7).unsqueeze(1)}  # a mixed input must be its target
        mixed, targets = mixup(values, torch.eye(7), 1.0)
        torch.testing.assert_close(mixed["pixels"], targets)
        torch.testing.assert_close(mixed["landmarks"][:, 0], targets)
        assert not torch.equal(mixed["pixels"], values["pixels"])
        torch.testing.assert_close(targets.sum(1), torch.ones(7))

    def test_a_face_without_landmarks_is_mixed_with_nobody(self):
        torch.manual_seed(0)
        values = torch.eye(7)
        values[[2, 5]] = torch.nan
        mixed, targets = mixup({"landmarks": values}, torch.eye(7), 1.0)
        found = mixed["landmarks"]
        assert found.isnan().any(1).nonzero().flatten().tolist() == [2, 5]
        assert torch.equal(targets[[2, 5]], torch.eye(7)[[2, 5]])
        assert (targets[[0, 1, 3, 4, 6]][:, [2, 5]] == 0).all()
        others = [row for row in range(7) if row not in (2, 5)]
        torch.testing.assert_close(found[others], targets[others])
        assert not torch.equal(targets, torch.eye(7))


class TestRate:
    def shares(self, params, change, steps=100, **values):
        recipe = params.mlp.recipe("full")
        share = rate(change(recipe, epochs=10, **values), steps)
        return [share(step) for step in range(steps)]

    def test_warmup_then_cosine(self, params, change):
        shares = self.shares(params, change, schedule="cosine", warmup=0.2)
        assert shares[:20] == sorted(shares[:20])
        assert shares[0] < 0.1
        assert shares[20] == 1
        assert shares[20:] == sorted(shares[20:], reverse=True)
        assert shares[60] == pytest.approx(0.5)
        assert shares[99] < 0.01

    def test_warm_restarts_double_their_cycle(self, params, change):
        shares = self.shares(params, change, schedule="warm_restarts", warmup=0.0, restart_epochs=2)
        assert [step for step in range(100) if shares[step] == 1] == [0, 20, 60]

    def test_constant(self, params, change):
        assert set(self.shares(params, change, schedule="constant", warmup=0.0)) == {1.0}


@pytest.mark.parametrize(
    ("network", "spared", "decayed"),
    [
        (
            FTTransformer(1, 2, 8, 0.0, 0.0, [4]),
            {"weight", "bias", "class_token", "blocks.0.attention.query.bias", "head.0.weight"},
            {"blocks.0.attention.query.weight", "head.2.weight"},
        ),
        (
            LandmarkGNN(5, 4, 1, 8, 0.0),
            {"embedding", "enter.bias", "convolutions.0.bias", "norms.0.weight"},
            {"enter.weight", "convolutions.0.lin.weight"},
        ),
    ],
)
def test_biases_norms_and_embeddings_do_not_decay(network, spared, decayed, params, monkeypatch):
    monkeypatch.setattr(Training, "trainer", SimpleNamespace(estimated_stepping_batches=10))
    module = Training(network, params.gnn.recipe("full"), params.gnn.augment, torch.ones(7))
    groups = module.configure_optimizers()["optimizer"].param_groups
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    by_decay = {bool(group["weight_decay"]): {names[id(p)] for p in group["params"]} for group in groups}
    assert spared <= by_decay[False]
    assert decayed <= by_decay[True]
    assert by_decay[True] | by_decay[False] == set(names.values())
