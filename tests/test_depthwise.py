"""Weight gradients of depthwise convolutions over small maps."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from fer import depthwise
from fer.depthwise import FastDepthwiseGradients


def gradients(layer, maps, fast):
    """Output, and the gradients of maps and weights."""
    layer.zero_grad()
    maps = maps.clone().requires_grad_()
    if fast:
        with FastDepthwiseGradients():
            output = layer(maps)
    else:
        output = layer(maps)
    torch.manual_seed(5)
    output.backward(torch.randn_like(output))
    return output.detach(), maps.grad, layer.weight.grad


@pytest.fixture
def taken(monkeypatch):
    """How often the own gradient was computed."""
    calls = []
    original = depthwise._weight_gradient

    def counted(*arguments):
        calls.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(depthwise, "_weight_gradient", counted)
    return calls


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("stride", [1, 2, (1, 2), 3])
@pytest.mark.parametrize(("kernel", "padding"), [(3, 1), (5, 2), ((5, 3), (2, 1)), (4, 1), (3, 0), (5, 1)])
def test_gradients_are_those_of_torch(kernel, padding, stride, layout, taken):
    torch.manual_seed(0)
    layer = nn.Conv2d(6, 6, kernel, stride, padding, groups=6, bias=False)
    edges = zip(layer.kernel_size, layer.padding, strict=True)
    least = max(size - 2 * edge for size, edge in edges)
    for side in [(1, 1), (2, 2), (3, 3), (4, 4), (2, 5), (7, 3)]:
        if min(side) < least:
            continue
        maps = torch.randn(4, 6, *side).contiguous(memory_format=layout)
        for own, torchs in zip(gradients(layer, maps, True), gradients(layer, maps, False), strict=True):
            torch.testing.assert_close(own, torchs)
    assert taken


def test_only_what_is_slow_is_taken_over(taken):
    small, large = torch.randn(2, 8, 2, 2), torch.randn(2, 8, 9, 9)
    gradients(nn.Conv2d(8, 8, 5, padding=2, groups=8, bias=False), small, True)
    assert len(taken) == 1
    others = [
        (nn.Conv2d(8, 8, 5, padding=2, groups=8, bias=False), large),
        (nn.Conv2d(8, 8, 5, padding=2, groups=8), small),
        (nn.Conv2d(8, 8, 5, padding=2, groups=4, bias=False), small),
        (nn.Conv2d(8, 16, 5, padding=2, groups=8, bias=False), small),
        (nn.Conv2d(8, 8, 5, padding=2, bias=False), small),
        (nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8, bias=False), small),
        (nn.Conv2d(8, 8, 5, padding="same", groups=8, bias=False), small),
        (nn.Conv2d(8, 8, 5, padding=2, groups=8, bias=False).double(), small.double()),
    ]
    for layer, maps in others:
        for own, torchs in zip(gradients(layer, maps, True), gradients(layer, maps, False), strict=True):
            assert torch.equal(own, torchs)
    assert len(taken) == 1


def test_half_precision_is_left_to_torch(taken):
    layer = nn.Conv2d(8, 8, 5, padding=2, groups=8, bias=False)
    with FastDepthwiseGradients(), torch.autocast("cpu", torch.bfloat16):
        layer(torch.randn(2, 8, 2, 2)).float().sum().backward()
    assert not taken


@pytest.mark.parametrize("compiled", [False, True])
def test_the_stage_trains_with_it_but_for_compiled_steps(compiled, params, change, monkeypatch, taken):
    from fer import check
    from fer.training import tasks
    from stages.train import main

    section = change(params.mlp, optim=params.mlp.optim.model_dump() | {"compile": compiled})
    asked = change(params, mlp=section, train=change(params.train, device="cpu"))
    monkeypatch.setattr(check, "params", lambda: asked)

    def train(*_):
        gradients(nn.Conv2d(8, 8, 5, padding=2, groups=8, bias=False), torch.randn(2, 8, 2, 2), False)
        return SimpleNamespace(times={"seconds": 1}, checkpoints=Path("mlp"), best_epoch=1, epochs=1)

    monkeypatch.setattr(tasks, "train", train)
    main.callback("mlp", None)
    assert len(taken) == (0 if compiled else 1)


def test_frozen_weights_cost_nothing_and_answers_are_the_same_bits(taken):
    layer = nn.Conv2d(8, 8, 5, padding=2, groups=8, bias=False)
    maps = torch.randn(2, 8, 2, 2)
    with torch.no_grad(), FastDepthwiseGradients():
        answer = layer(maps)
    assert torch.equal(answer, layer(maps))
    layer.requires_grad_(False)
    with FastDepthwiseGradients():
        layer(maps.requires_grad_()).sum().backward()
    assert not taken


@pytest.mark.parametrize("backbone", ["efficientnet_b0", "timm:tf_efficientnetv2_b0"])
def test_the_networks_of_the_pipeline_use_it(backbone, taken, params, change):
    from fer import models

    settings = change(params.cnn, backbone=backbone, weights="none", image_size=64, dropout=0.0)
    kind = models.network("cnn")
    network = kind(**kind.arguments(settings, None)).train()
    with FastDepthwiseGradients():
        network(pixels=torch.randint(0, 256, (2, 48, 48), dtype=torch.uint8)).sum().backward()
    assert len(taken) >= 7
