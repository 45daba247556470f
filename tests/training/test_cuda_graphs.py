"""Steps that are replayed as CUDA graphs."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from fer.training.cuda_graphs import GraphedNetwork
from tests import known_params


class Network(nn.Module):
    def __init__(self, waits: bool = False) -> None:
        super().__init__()
        self.waits = waits
        self.norm = nn.BatchNorm1d(4)
        self.layer = nn.Linear(4, 7)

    def forward(self, pixels: Tensor) -> Tensor:
        if self.waits:
            pixels = pixels * float(pixels.mean())
        logits: Tensor = self.layer(self.norm(pixels))
        return logits


def trial_steps(module: nn.Module, values: tuple[Tensor, ...]) -> nn.Module:
    """What torch's capture does before it, which changes statistics and random numbers."""
    for _ in range(3):
        module(*values).sum().backward()
        torch.rand(1)
    return module


def test_the_trial_steps_before_a_capture_leave_statistics_and_random_numbers_as_they_were():
    network = Network()
    graphed = GraphedNetwork(network, trial_steps)
    faces = torch.rand(8, 4) + 5
    torch.manual_seed(1)
    graphed(pixels=faces)
    # One step, the call itself, has moved the statistics.
    torch.testing.assert_close(network.norm.running_mean, 0.1 * faces.mean(0))
    drawn = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(drawn, torch.rand(1))


def test_a_graph_is_captured_once_for_each_shape():
    shapes = []

    def capture(module: nn.Module, values: tuple[Tensor, ...]) -> nn.Module:
        shapes.append(values[0].shape)
        return module

    graphed = GraphedNetwork(Network(), capture)
    for faces in (8, 8, 6, 8):
        graphed(pixels=torch.rand(faces, 4))
    assert shapes == [(8, 4), (6, 4)]


def test_a_network_that_cannot_be_captured_is_called_as_it_is(capsys):
    def fail(module: nn.Module, values: tuple[Tensor, ...]) -> nn.Module:
        raise RuntimeError("operation not permitted when stream is capturing")

    network = Network().eval()
    faces = torch.rand(8, 4)
    graphed = GraphedNetwork(network, fail)
    for _ in range(2):
        assert torch.equal(graphed(pixels=faces), network(faces))
    assert capsys.readouterr().out.count("can't be captured as a CUDA graph (operation not permitted") == 1


def a_few_steps(waits: bool) -> None:
    """Steps of a network with and without graphs, which must have the same gradients and statistics."""
    torch.manual_seed(0)
    graphed, plain = Network(waits).cuda(), Network().cuda()
    plain.load_state_dict(graphed.state_dict())
    call = GraphedNetwork(graphed)
    for _ in range(3):
        for network in (graphed, plain):  # as a training does: a graph's gradients lie where its next ones will
            network.zero_grad()
        faces = torch.rand(8, 4, device="cuda")
        call(pixels=faces).square().sum().backward()
        plain(faces * float(faces.mean()) if waits else faces).square().sum().backward()
        for one, other in zip(graphed.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(one.grad, other.grad)
    torch.testing.assert_close(graphed.norm.running_var, plain.norm.running_var)


@pytest.mark.gpu
@pytest.mark.parametrize("waits", [False, True])
def test_a_graph_gives_the_gradients_of_the_network_and_moves_its_statistics(waits):
    # A process each: a capture that fails may leave its mark on the random numbers of the whole process.
    code = f"from tests.training.test_cuda_graphs import a_few_steps; a_few_steps({waits})"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=known_params.TOP, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ("can't be captured" in ran.stdout) == waits
