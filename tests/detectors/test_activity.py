"""GAIA-Z in its forward form equals the backward form, but for layers before a max-pool."""

import pytest
import torch
from torch import nn

from ood.detectors import Attributions, method
from ood.errors import Problem
from ood.networks import Classifier
from ood.passes.activity import activity
from ood.passes.attribution import attributions

# Per network the layers whose ReLU is followed by a max-pool, which hands the gradient to some open positions only.
NETWORKS = [
    ("resnet34", {"width": 4}, 24, ()),
    ("wrn40_2", {}, 16, ()),
    ("densenet_bc", {"depth": 22}, 16, ()),
    ("resnet_a", {"depth": 14}, 16, ()),
    ("bit_r101x1", {}, 64, ()),
    ("resnet50", {}, 64, ("body.bn1",)),
    ("densenet121", {}, 64, ("body.norm0",)),
    ("playground_cnn", {"width": 8}, 32, ("body.4", "body.11", "body.18", "body.22")),
]


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize(("name", "options", "side", "pooled"), NETWORKS, ids=[row[0] for row in NETWORKS])
def test_the_forward_form_is_the_backward_form(seeded, name, options, side, pooled):
    network = seeded(name, **options)
    _, found = attributions(network, random(3, 3, side, side))
    forward, backward = found["active.density"], found["top1.density"]
    before_a_pool = torch.tensor([layer in pooled for layer in network.attribution_layers()])
    assert torch.equal(forward[:, ~before_a_pool], backward[:, ~before_a_pool])
    assert (forward[:, before_a_pool] > backward[:, before_a_pool]).all() and before_a_pool.sum() == len(pooled)
    assert len(forward.unique()) > forward.shape[1]


def test_a_forward_pass_is_enough(network, x):
    state = {name: value.clone() for name, value in network.state_dict().items()}
    layers = tuple(network.attribution_layers())
    h, found = activity(network, x, layers)
    assert torch.equal(h, network.features(x))
    assert list(found) == ["active.density"]
    assert torch.equal(found["active.density"], attributions(network, x)[1]["active.density"])
    with pytest.raises(RuntimeError):
        activity(network, x[:, :2], layers)
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


class Smooth(Classifier):
    """A ReLU behind one of two layers only."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.BatchNorm2d(3), nn.SiLU())
        self.head = nn.Linear(3, 5)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x).mean((2, 3))


class Leaking(Smooth):
    """A ReLU behind both layers, and a way around that of the second."""

    def features(self, x: torch.Tensor) -> torch.Tensor:
        norm, relu, last, _ = self.body
        x = last(relu(norm(x)))
        return (relu(x + 1) + x).mean((2, 3))


class Shaped(Smooth):
    """What it does hangs on the shape of its input."""

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return super().features(x[..., 1:] if x.shape[-1] % 2 else x)


def test_features_that_cannot_be_traced_are_refused(x):
    with pytest.raises(
        Problem, match=r"test_activity: torch.fx cannot trace `features`.* no step of it hang on a shape"
    ):
        attributions(Shaped().double().eval().requires_grad_(False), x)


@pytest.mark.parametrize("kind", [Smooth, Leaking])
def test_without_a_relu_behind_every_layer_there_is_no_forward_form(kind, x, given):
    images: Attributions = given(kind().double().eval().requires_grad_(False), x)
    assert "active.density" not in images.statistics
    assert set(method("gaia_z")().score(images, None)) == {"all", "late", "layer=body.0", "layer=body.2"}


def test_without_normalisation_layers_there_is_nothing(seeded):
    assert activity(seeded("playground_mlp"), random(1, 1, 28, 28), ())[1] == {}
