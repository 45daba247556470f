from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fer.landmarks.symmetry import FLIP
from fer.models import on_landmarks, on_pixels
from fer.models.ft_transformer import FTTransformer
from fer.models.gnn import LandmarkGNN
from fer.training.batches import Batches
from fer.training.mixup import mixup
from fer.training.module import Training, rate


class TestBatches:
    def rows(self, batches):
        return [labels.tolist() for _, labels in batches]

    def faces(self, batches):
        return [row for batch in self.rows(batches) for row in batch]

    @pytest.fixture
    def numbered(self, task):
        task.labels.copy_(torch.arange(280))
        return task

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

    def make(self, params, change, **values):
        recipe = change(params.mlp, **({"flip": 0.0, "rotation": 0.0, "jitter": 0.0} | values))
        return on_landmarks.LandmarkModel.augmentation(recipe)

    def test_mirroring_turns_x_round_and_exchanges_left_and_right(self, points, params, change):
        expected = points.numpy()[:, FLIP] * np.float32([-1, 1, 1])
        np.testing.assert_allclose(self.make(params, change, flip=1.0)(points), expected, atol=1e-6)

    def test_each_face_has_its_own_draw(self, points, params, change):
        same_face = points[:1].expand(6, -1, -1)
        varied = self.make(params, change, rotation=5.0)(same_face)
        assert len({round(float(face[0, 0]), 6) for face in varied}) == 6
        torch.testing.assert_close(varied.norm(dim=2), same_face.norm(dim=2))

    def test_unknown_stays_unknown(self, points, params, change):
        points[2] = torch.nan
        varied = self.make(params, change, flip=1.0, rotation=5.0, jitter=0.01)(points)
        assert torch.isnan(varied[2]).all()
        assert torch.isfinite(varied[[0, 1, 3]]).all()


class TestImages:
    @pytest.fixture
    def images(self):
        return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (8, 48, 48), np.uint8))

    def test_range_shape_and_one_draw_a_face(self, images, params):
        same_face = images[:1].expand(8, -1, -1)
        torch.manual_seed(0)
        varied = on_pixels.ImageAugmentation(params.cnn.augment, 64)(same_face)
        assert varied.shape == (8, 64, 64)
        assert varied.min() >= 0
        assert 1 < varied.max() <= 255
        assert len({round(float(face.mean()), 6) for face in varied}) == 8

    def test_without_ranges_it_only_enlarges(self, images, params, change):
        off = change(params.cnn.augment, **dict.fromkeys(type(params.cnn.augment).model_fields, 0.0))
        varied = on_pixels.ImageAugmentation(off, 64)(images)
        torch.testing.assert_close(varied, on_pixels.enlarge(images, 64), atol=0.03, rtol=1e-4)

    def test_a_face_of_the_right_size_stays_as_it_is(self, images):
        assert torch.equal(on_pixels.enlarge(images, 48), images.float())


class TestMixup:
    def test_off(self):
        inputs, labels = torch.rand(4, 3), torch.tensor([0, 1, 2, 6])
        mixed, targets = mixup(inputs, labels, 0.0, 7)
        assert torch.equal(mixed, inputs)
        assert torch.equal(targets.argmax(1), labels)

    def test_inputs_and_targets_are_mixed_alike(self):
        torch.manual_seed(0)
        labels = torch.arange(7)
        inputs = torch.eye(7)  # so a mixed input must be its target
        mixed, targets = mixup(inputs, labels, 1.0, 7)
        torch.testing.assert_close(mixed, targets)
        assert not torch.equal(mixed, inputs)
        torch.testing.assert_close(targets.sum(1), torch.ones(7))


class TestRate:
    def shares(self, params, change, steps=100, **values):
        share = rate(change(params.mlp, epochs=10, **values), steps)
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
            LandmarkGNN(5, 6, 4, 1, 8, 0.0),
            {"embedding", "enter.bias", "convolutions.0.bias", "norms.0.weight"},
            {"enter.weight", "convolutions.0.lin.weight"},
        ),
    ],
)
def test_biases_norms_and_embeddings_do_not_decay(network, spared, decayed, params, monkeypatch):
    monkeypatch.setattr(Training, "trainer", SimpleNamespace(estimated_stepping_batches=10))
    module = Training(network, params.gnn, torch.nn.Identity(), torch.ones(7))
    groups = module.configure_optimizers()["optimizer"].param_groups
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    by_decay = {bool(group["weight_decay"]): {names[id(p)] for p in group["params"]} for group in groups}
    assert spared <= by_decay[False]
    assert decayed <= by_decay[True]
    assert by_decay[True] | by_decay[False] == set(names.values())
