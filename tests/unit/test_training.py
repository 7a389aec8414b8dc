"""Training: random shifts are crops, the schedule, the recipe's descent step by step, and bit-for-bit repeatability."""

import math

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save

from ood import networks
from ood.errors import Problem
from ood.recipe import Recipe
from ood.training import accuracy, fit, learning_rate, shifted

torch.set_num_threads(1)  # as every step does


def seeded(seed: int) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return networks.build("resnet34", 3, {"width": 2, "channels": 1})


def images(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(9)), torch.arange(count) % 3


def test_shifts_are_padded_crops():
    x = torch.arange(1.0, 200 * 2 * 5 * 7 + 1).view(200, 2, 5, 7)
    moved = shifted(x, 2, torch.Generator().manual_seed(0))
    padded, offsets = F.pad(x, (2, 2, 2, 2)), set()
    for image, frame in zip(moved, padded, strict=True):
        crops = {(top, left): frame[:, top : top + 5, left : left + 7] for top in range(5) for left in range(5)}
        (offset,) = [place for place, crop in crops.items() if torch.equal(crop, image)]
        offsets.add(offset)
    assert len(offsets) == 25  # every shift from -2 to 2 in both directions, images independently
    assert torch.equal(shifted(x, 2, torch.Generator().manual_seed(0)), moved)
    assert torch.equal(shifted(x, 0, torch.Generator()), x)


def test_the_schedule_warms_up_and_falls_to_zero():
    factors = [learning_rate(step, 110, 10) for step in range(111)]
    assert factors[:11] == pytest.approx([step / 11 for step in range(1, 12)])
    assert factors[10:] == pytest.approx([(1 + math.cos(math.pi * part / 100)) / 2 for part in range(101)])
    assert factors[60] == pytest.approx(0.5) and factors[110] == pytest.approx(0, abs=1e-15)
    assert (learning_rate(0, 40, 0), learning_rate(40, 40, 0)) == (1, 0)


def test_training_repeats_bit_for_bit():
    recipe = Recipe(epochs=2, batch=8, learning_rate=0.05, momentum=0.9, weight_decay=1e-4, shift=1)
    runs = []
    for seed in (4, 4, 5):
        network = seeded(seed)
        losses = fit(network, *images(26), recipe, seed)
        runs.append((save(network.state_dict()), losses, accuracy(network, *images(26))))
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[2][0]


@pytest.mark.parametrize("nesterov", [False, True])
def test_training_is_the_recipes_descent(nesterov):
    """Whole-set batches make the order of images irrelevant: four steps by hand, in float64."""
    x, y = images(12)
    x, network, mine = x.double(), seeded(0).double(), seeded(0).double()
    options = {"learning_rate": 0.1, "momentum": 0.8, "nesterov": nesterov, "weight_decay": 0.02}
    losses = fit(network, x, y, Recipe(epochs=4, batch=12, warmup_epochs=1, **options), seed=0)
    velocity, expected = [torch.zeros_like(weight) for weight in mine.parameters()], []
    for factor in (1 / 2, 1, 0.75, 0.25):  # one warm-up epoch, then (1 + cos) / 2 at 0, 1/3 and 2/3
        loss = F.cross_entropy(mine(x), y)
        expected.append(loss.item())
        gradients = torch.autograd.grad(loss, list(mine.parameters()))
        with torch.no_grad():
            for weight, gradient, speed in zip(mine.parameters(), gradients, velocity, strict=True):
                gradient = gradient + 0.02 * weight
                speed.mul_(0.8).add_(gradient)
                weight -= 0.1 * factor * (gradient + 0.8 * speed if nesterov else speed)
    assert losses == pytest.approx(expected, rel=1e-9)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, mine.state_dict()[name], rtol=1e-7, atol=1e-9, msg=name)


def test_training_that_diverges_is_refused():
    recipe = Recipe(epochs=1, batch=4, learning_rate=1, momentum=0, weight_decay=0)
    with pytest.raises(Problem, match="diverged in epoch 1.*learning_rate"):
        fit(seeded(0), images(8)[0] * math.inf, images(8)[1], recipe, seed=0)


def test_accuracy_counts_right_labels():
    network, (x, y) = seeded(0), images(300)  # more than one of its batches
    share = accuracy(network, x, y)
    assert share == int((network(x).argmax(1) == y).sum()) / 300 and not network.training
