"""One image's gradients through wide convolutions: those of autograd in float64, and only where the kernel fits."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn
from toys import gradient

from ood import networks
from ood.passes.attribution import attributions
from ood.passes.packed import Packed, packable

TOLERANCE = {"rtol": 0, "atol": 2e-5}  # gradients below are of the order of 1


def convolution(*shape, **options) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(*shape, **options).requires_grad_(False)


def taken(module: nn.Module, x: torch.Tensor) -> bool:
    """Whether the packed kernel makes the gradient."""
    return module(x.requires_grad_()).grad_fn.name().startswith("Single")


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((192, 160, 3), {"padding": 1}),
        ((512, 640, 1), {"bias": False}),
        ((160, 192, (3, 5)), {"padding": (0, 2)}),
        ((160, 192, 3), {}),
    ],
)
def test_equals_autograd_in_double_precision(shape, options, layout):
    plain = convolution(*shape, **options)
    packed = Packed(plain)
    x = torch.randn(1, shape[0], 7, 6).to(memory_format=layout)
    out = plain(x)
    assert packable(plain) and taken(packed, x) and torch.equal(packed(x), out)
    v = torch.randn_like(out)
    expected = gradient(deepcopy(plain).double(), x.double(), v.double())
    torch.testing.assert_close(gradient(packed, x, v).double(), expected, **TOLERANCE)


def test_other_sizes_and_weights_are_packed_anew():
    plain = convolution(256, 256, 3, padding=1)
    packed = Packed(plain)
    for size, factor in ((4, 1.0), (6, 1.0), (6, -2.0)):
        plain.weight.mul_(factor)
        x = torch.randn(1, 256, size, size)
        torch.testing.assert_close(gradient(packed, x, x), gradient(plain, x, x), **TOLERANCE)


@pytest.mark.parametrize(
    "module",
    [
        convolution(256, 256, 3, stride=2, padding=1),
        convolution(256, 256, 3, padding=2, dilation=2),
        convolution(512, 512, 3, padding=1, groups=4),
        convolution(256, 256, 3, padding=1, padding_mode="reflect"),
        convolution(256, 256, 3, padding="same"),
        convolution(512, 512, 1, padding=1),
        convolution(64, 64, 3, padding=1),
        type("Other", (nn.Conv2d,), {})(256, 256, 3),
        nn.Linear(1024, 1024),
    ],
)
def test_other_layers_stay_as_they_are(module):
    assert not packable(module)


@pytest.mark.parametrize("why", ["batch", "double", "training"])
def test_falls_back_where_the_kernel_does_not_fit(why):
    plain = convolution(256, 256, 3, padding=1)
    x = torch.randn(2 if why == "batch" else 1, 256, 4, 4)
    if why == "double":
        plain, x = plain.double(), x.double()
    plain.requires_grad_(why == "training")
    packed = Packed(plain)
    assert not taken(packed, x)
    assert torch.equal(gradient(packed, x, x), gradient(plain, x, x))


def test_one_image_through_a_wide_network():
    """All of GAIA's statistics, against the same network in float64."""
    torch.manual_seed(0)
    network = networks.build("resnet34", 10, {"width": 64}).eval().requires_grad_(False)
    x = torch.randn(1, 3, 32, 32)
    late = network.late_layers()
    h, found = attributions(network, x, late)
    _, exact = attributions(network.double(), x.double(), network.late_layers())
    assert len(h) == 1 and found.keys() == exact.keys()
    for name, values in found.items():
        np.testing.assert_allclose(values, exact[name], rtol=1e-3, err_msg=name)
