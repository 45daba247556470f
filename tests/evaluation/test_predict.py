"""From a network to its probabilities: batches, views, precision."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fer import config, inputs
from fer.evaluation import predict
from fer.inputs.poses import POSES
from fer.models.base import FaceModel

PRECISIONS = (
    torch.backends.cuda.matmul,
    torch.backends.cudnn.conv,  # type: ignore[attr-defined]
    torch.backends.cudnn.rnn,
    torch.backends.mkldnn.matmul,  # type: ignore[attr-defined]
    torch.backends.mkldnn.conv,  # type: ignore[attr-defined]
)


class BothInputs(FaceModel):
    """A fake network that remembers how it was called; its answer is the brightness of the upper left corner."""

    inputs = ("pixels", "landmarks")
    image_size = 48

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.01))
        self.batches: list[int] = []
        self.precisions: set[tuple[str, ...]] = set()

    def forward(self, pixels: Tensor, landmarks: Tensor) -> Tensor:
        self.batches.append(len(pixels))
        self.precisions.add(tuple(kind.fp32_precision for kind in PRECISIONS))
        assert landmarks.shape == (len(pixels), 478, 3)
        assert torch.is_inference_mode_enabled()
        logits = torch.zeros(len(pixels), 7)
        logits[:, 0] = pixels.float()[:, :24, :24].mean((1, 2)) * self.scale
        logits[:, 1] = landmarks[:, :, 0].mean(1)
        return logits


def faces(count: int = 10) -> dict[str, np.ndarray]:
    """Random inputs of some faces."""
    rng = np.random.default_rng(0)
    return {
        "pixels": rng.integers(0, 256, (count, 48, 48), np.uint8),
        "landmarks": rng.normal(size=(count, 478, 3)).astype(np.float32),
    }


def predicted(network: BothInputs, values: dict[str, np.ndarray], views: int = 1) -> list[np.ndarray]:
    """Probabilities in each of the first views, on the CPU, four faces at a time."""
    return list(predict.probabilities(network, values, POSES[:views], 4, torch.device("cpu")))


def test_batches_do_not_change_the_answers() -> None:
    network, values = BothInputs(), faces()
    (answers,) = predicted(network, values)
    assert network.batches == [4, 4, 2]
    assert answers.shape == (10, 7)
    np.testing.assert_allclose(answers.sum(1), 1, rtol=1e-6)
    for row in range(10):
        (alone,) = predicted(network, inputs.select(values, slice(row, row + 1)))
        np.testing.assert_allclose(alone[0], answers[row], rtol=1e-5)


def test_a_view_holds_for_all_inputs() -> None:
    values = faces()
    plain, mirrored = predicted(BothInputs(), values, views=2)
    by_hand = {
        key: value.numpy() for key, value in inputs.view(inputs.to_tensors(values), POSES[1], BothInputs()).items()
    }
    (expected,) = predicted(BothInputs(), by_hand)
    np.testing.assert_allclose(mirrored, expected, rtol=1e-5)
    assert np.abs(plain - mirrored).max() > 0.01


def test_evaluation_runs_in_float32_and_leaves_the_settings_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """TF32 is on by default for convolutions, and `set_float32_matmul_precision` asks for it in products."""
    torch.set_float32_matmul_precision("medium")
    try:
        before = tuple(kind.fp32_precision for kind in PRECISIONS)
        assert {"tf32", "bf16"} <= set(before)
        network = BothInputs()
        predicted(network, faces())
        assert network.precisions == {("ieee",) * len(PRECISIONS)}
        assert tuple(kind.fp32_precision for kind in PRECISIONS) == before
        with pytest.raises(ZeroDivisionError), predict.full_precision():
            raise ZeroDivisionError
        assert tuple(kind.fp32_precision for kind in PRECISIONS) == before
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.mark.gpu
def test_a_convolution_on_a_gpu_is_as_exact_as_on_the_cpu() -> None:
    torch.manual_seed(0)
    layer, pictures = nn.Conv2d(64, 64, 3).double(), torch.randn(8, 64, 32, 32, dtype=torch.float64)
    exact = layer(pictures)
    with predict.full_precision():
        found = layer.float().cuda()(pictures.float().cuda())
    assert (found.cpu().double() - exact).abs().max() < 1e-4


@pytest.mark.parametrize(
    ("tta", "network", "count"),
    [("none", ("pixels",), 1), ("flip", ("pixels",), 2), ("full", ("pixels",), 8), ("full", ("landmarks",), 2)],
)
def test_the_views_of_each_kind_of_augmentation(
    tta: str, network: tuple[str, ...], count: int, params: config.Params, change: Any
) -> None:
    settings = change(params.evaluate, tta=tta, views=8)
    assert predict.views(SimpleNamespace(inputs=network), settings) == POSES[:count]  # type: ignore[arg-type]
