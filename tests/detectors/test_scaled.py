"""BatchNorm's gradient without its input: that of torch's own in float64, and only in eval mode."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from toys import gradient

from ood.passes.scaled import Scaled, scalable


def norm(**options) -> nn.BatchNorm2d:
    torch.manual_seed(0)
    layer = nn.BatchNorm2d(6, **options)
    for part in (layer.weight, layer.bias, layer.running_mean):
        nn.init.normal_(part)
    nn.init.uniform_(layer.running_var, 0.01, 3)
    return layer.eval().requires_grad_(False)


def taken(layer: nn.Module, x: torch.Tensor) -> bool:
    """Whether the gradient is made without the input."""
    out = layer(x.clone().requires_grad_())
    return out.grad_fn is not None and out.grad_fn.name().startswith("Scale")


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("eps", [1e-5, 0.5])
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_equals_torch_in_double_precision(layout, eps, precision):
    plain = norm(eps=eps).to(precision)
    scaled = Scaled(plain)
    x, v = (torch.randn(4, 6, 5, 3).to(precision, memory_format=layout) for _ in range(2))
    assert scalable(plain) and taken(scaled, x) and torch.equal(scaled(x), plain(x))
    expected = gradient(deepcopy(plain).double(), x.double(), v.double())
    found = gradient(scaled, x, v)
    assert found.stride() == x.stride()
    tolerance = {"rtol": 1e-6 if precision is torch.float32 else 1e-14, "atol": 0}
    torch.testing.assert_close(found.double(), expected, **tolerance)


def test_exact_zeros_stay():
    x, v = torch.randn(2, 4, 6, 5, 3)
    v *= torch.rand_like(v) > 0.5
    assert torch.equal(gradient(Scaled(norm()), x, v) == 0, v == 0)


def test_nothing_is_saved_for_the_way_back():
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(saved.append, lambda held: held):
        Scaled(norm())(torch.randn(4, 6, 5, 3, requires_grad=True))
    assert saved == []


def test_other_weights_and_statistics_count_at_once():
    plain = norm()
    scaled = Scaled(plain)
    x, v = torch.randn(2, 4, 6, 5, 3)
    for part in (plain.weight, plain.running_var):
        part.mul_(3)
        torch.testing.assert_close(gradient(scaled, x, v), gradient(plain, x, v))


def test_in_training_the_gradient_is_another():
    plain = norm().train()
    x, v = torch.randn(2, 4, 6, 5, 3)
    assert not taken(Scaled(plain), x)
    assert torch.equal(gradient(Scaled(plain), x, v), gradient(deepcopy(plain), x, v))


def test_weights_collect_no_gradients():
    plain = norm().requires_grad_()
    Scaled(plain)(torch.randn(4, 6, 5, 3, requires_grad=True)).sum().backward()
    assert plain.weight.grad is None and plain.bias.grad is None


@pytest.mark.parametrize(
    "layer",
    [
        nn.BatchNorm2d(6, affine=False),
        nn.BatchNorm2d(6, track_running_stats=False),
        nn.GroupNorm(3, 6),
        nn.SyncBatchNorm(6),
        type("Other", (nn.BatchNorm2d,), {})(6),
    ],
)
def test_other_layers_stay_as_they_are(layer):
    assert not scalable(layer)
