"""The attribution pass: images do not see their neighbours, and network and images stay as they were."""

import weakref
from contextlib import ExitStack
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from ood.passes import attribution
from ood.passes.attribution import VECTORS, attributions, channels

CHEAP = ("active.density", "inner.mean_abs")


def test_every_statistic_has_a_column_per_layer(network, x):
    _, found = attributions(network, x)
    assert set(found) == {f"{v}.{r}" for v in ("top1", "inner", "direct") for r in ("abs_mean", "mean_abs")} | {
        "top1.density",
        "active.density",
    }
    for name, values in found.items():
        assert values.shape == (5, 36) and values.dtype == torch.float64, name
        assert (values > 0).all() and (not name.endswith("density") or (values <= 1).all()), name
    for v in ("top1", "inner", "direct"):  # |mean| <= mean of absolute values, equal on the last layer before a pool
        assert (found[f"{v}.abs_mean"] <= found[f"{v}.mean_abs"] * (1 + 1e-12)).all()
        torch.testing.assert_close(found[f"{v}.abs_mean"][:, -1], found[f"{v}.mean_abs"][:, -1])


def test_a_shortcut_gets_the_gradient_of_the_sum(network, x, given):
    layers = given(network, x).layers
    for name, values in attributions(network, x)[1].items():
        for block in ("layer2.0", "layer3.0", "layer4.0"):
            second, shortcut = layers.index(f"{block}.bn2"), layers.index(f"{block}.shortcut.1")
            assert torch.equal(values[:, second], values[:, shortcut]), name


@pytest.mark.parametrize("name", ["resnet34", "resnet50"])
def test_single_images_give_what_a_batch_gives(seeded, x, name):
    """Their gradients are held and reduced together; a batch's are reduced one by one as they pass.

    In a ResNet-50 layers of one shape do not follow each other.
    """
    network = seeded(name)
    single = [attributions(network, image)[1] for image in x[:2].split(1)]
    for statistic, values in attributions(network, x[:2])[1].items():
        together = torch.cat([found[statistic] for found in single])
        torch.testing.assert_close(together, values, rtol=1e-10, atol=0, msg=statistic)


def test_a_batch_holds_no_map_of_the_layers(network, x, monkeypatch):
    """Neither what BatchNorm gets nor what it gives, but for the first, where the graph starts."""
    alive = weakref.WeakSet()
    counts = []

    def watch(module, inputs, output):
        alive.update((*inputs, output))

    def top1(head, h):
        counts.append(len(alive))
        return VECTORS["top1"](head, h)

    monkeypatch.setattr(attribution, "VECTORS", VECTORS | {"top1": top1})
    for images in (x, x[:1]):
        with ExitStack() as hooks:
            for layer in network.attribution_layers().values():
                hooks.enter_context(layer.register_forward_hook(watch))
            attributions(network, images)
    batch, single = counts
    assert batch <= 1 and single >= 36


@pytest.mark.parametrize("prefix", ["layer3.", "layer2.1.bn2", "layer4."])
def test_fewer_layers_and_vectors_give_the_same_values(network, x, prefix):
    """``layer3.`` and ``layer4.`` begin with a block whose shortcut runs beside their first layer."""
    every = network.attribution_layers()
    chosen = [name for name in every if name.startswith(prefix)]
    _, whole = attributions(network, x)
    _, found = attributions(network, x, {name: every[name] for name in chosen}, CHEAP)
    assert tuple(found) == CHEAP
    for name, values in found.items():
        assert torch.equal(values, whole[name][:, [list(every).index(layer) for layer in chosen]]), name


@pytest.mark.parametrize("layer", [nn.BatchNorm2d(6), nn.GroupNorm(3, 6), nn.GroupNorm(2, 6, affine=False)])
def test_channels_are_those_of_the_output(layer):
    assert channels(layer) == layer(torch.randn(2, 6, 4, 4)).shape[1]


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_an_image_does_not_depend_on_its_neighbours(network, x, batch):
    h, whole = attributions(network, x)
    parts = [attributions(network, part) for part in x.split(batch)]
    np.testing.assert_allclose(torch.cat([part for part, _ in parts]), h, rtol=1e-10)
    for name, values in whole.items():
        np.testing.assert_allclose(torch.cat([found[name] for _, found in parts]), values, rtol=1e-10, err_msg=name)


@pytest.mark.parametrize("images", [1, 5])
def test_what_a_batch_needed_is_freed_before_the_next(network, x, images):
    """So memory does not grow with the number of images, but for the values themselves."""
    saved, kept, counts = weakref.WeakSet(), [], []

    class Saved:
        def __init__(self, tensor: torch.Tensor):
            self.tensor = tensor.detach()  # else what saves its own output would hold itself
            saved.add(self)
            counts.append(len(saved))

    with torch.autograd.graph.saved_tensors_hooks(Saved, lambda held: held.tensor):
        for _ in range(3):
            kept.append(attributions(network, x[:images]))
            assert len(saved) == 0
    assert max(counts) > 50 and len(kept) == 3


@pytest.mark.parametrize("frozen", [True, False])
def test_leaves_the_network_as_it_was(network, x, frozen):
    network = deepcopy(network).requires_grad_(not frozen)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    h, _ = attributions(network, x)
    assert torch.equal(h, network.features(x)) and not h.requires_grad
    with pytest.raises(RuntimeError):
        attributions(network, x[:, :2])  # a channel is missing: the forward pass fails with the hooks in place
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters()) and not network.training
    assert not any(module._forward_hooks or module._backward_hooks for module in network.modules())
    assert x.grad is None and not x.requires_grad
