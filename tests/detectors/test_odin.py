"""ODIN against a loop over images with one ``backward`` each, in both spaces."""

from copy import deepcopy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ood.detectors import Images, method

STD = [0.25, 0.5, 2.0]


def slow(network: nn.Module, x: torch.Tensor, temperature: float, epsilon: float, std: list[float]) -> list[float]:
    """One image at a time; the step counts units of ``std`` by channel."""
    scores = []
    for image in x:
        moved = image.clone()[None].requires_grad_()
        p = F.softmax(network(moved)[0] / temperature, dim=0)
        (-p[int(p.argmax())].log()).backward()
        for channel, unit in enumerate(std):
            step = torch.full_like(image[channel], epsilon / unit)
            moved.data[0, channel] -= torch.where(moved.grad[0, channel] >= 0, step, -step)
        scores.append(F.softmax(network(moved)[0] / temperature, dim=0).max().item())
    return scores


@pytest.mark.parametrize(("temperature", "epsilon"), [(1000, 0.004), (1, 0.1), (3, 0.5)])
def test_equals_a_loop_over_images(network, x, temperature, epsilon):
    columns = method("odin")(temperature=temperature, epsilon=epsilon).score(Images(network, x.split(2), STD), None)
    assert set(columns) == {"normalised", "pixel"}
    assert columns["normalised"] == pytest.approx(slow(network, x, temperature, epsilon, [1, 1, 1]), rel=1e-12)
    assert columns["pixel"] == pytest.approx(slow(network, x, temperature, epsilon, STD), rel=1e-12)
    assert (columns["normalised"] != columns["pixel"]).all()


def test_no_step_is_the_tempered_msp(network, x):
    columns = method("odin")(temperature=10, epsilon=0).score(Images(network, [x], STD), None)
    exact = torch.softmax(network(x) / 10, 1).amax(1).numpy()
    for name in ("normalised", "pixel"):
        assert columns[name] == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize(("epsilon", "passes"), [(0, 1), (0.1, 3)])
def test_no_pass_is_run_twice(network, x, epsilon, passes):
    """With a step: one for its sign, then one for each space. Without one, both columns are the same pass."""
    network, seen = deepcopy(network), []
    network.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    columns = method("odin")(epsilon=epsilon).score(Images(network, x.split(2), STD), None)
    assert seen == [size for size in (2, 2, 1) for _ in range(passes)]
    assert np.array_equal(columns["normalised"], columns["pixel"]) == (not epsilon)


def test_the_step_raises_the_score(network, x):
    before, after = (
        method("odin")(temperature=10, epsilon=epsilon).score(Images(network, [x], STD), None)["normalised"]
        for epsilon in (0, 1e-4)
    )
    assert (after > before).all()


class Parabola(nn.Module):
    """Logits (x^2 + x^3, 0): at x = 0 the gradient is exactly 0, and the two directions lead to different scores."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.flatten(1)
        return torch.cat([x**2 + x**3, 0 * x], dim=1)


def test_the_sign_of_zero_is_plus_one():
    x = torch.zeros(1, 1, 1, 1, dtype=torch.float64)
    columns = method("odin")(temperature=1, epsilon=0.5).score(Images(Parabola(), [x], [0.25]), None)
    assert columns["normalised"] == pytest.approx(1 / (1 + np.exp(-(0.5**2 - 0.5**3))), rel=1e-14)  # at x = -0.5
    assert columns["pixel"] == pytest.approx(1 / (1 + np.exp(2**2 - 2**3)), rel=1e-14)  # at x = -2: p of the other


def test_leaves_the_network_and_the_images_alone(network, x):
    state, images = {name: value.clone() for name, value in network.state_dict().items()}, x.clone()
    method("odin")().score(Images(network, [x], STD), None)
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert torch.equal(x, images) and not x.requires_grad and not network.training
