"""GAIA's statistics in single precision and channels last, as the workflow has them, and in batches of any size.

Rounding can open or close a ReLU whose input is next to zero. That is one position of a map for one image, and changes
its gradients behind that ReLU too. So no value may be off by more than ``EDGE``, and most only by ``ROUNDING``.
"""

from copy import deepcopy

import pytest
import torch

from ood.passes.attribution import ALL, attributions

EDGE, ROUNDING = 0.01, 1e-5  # of a value
NETWORKS = [
    ("resnet34", {"width": 4}, 16),
    ("densenet_bc", {"depth": 22}, 16),
    ("resnet_a", {"depth": 14}, 16),
]


@pytest.fixture(params=NETWORKS, ids=[row[0] for row in NETWORKS])
def double(request, seeded):
    """A network and five images in double precision."""
    name, options, side = request.param
    x = 2 * torch.randn(5, 3, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return seeded(name, **options), x


@pytest.fixture
def single(double):
    """The same as the workflow has them."""
    network, x = double
    x = x.float().contiguous(memory_format=torch.channels_last)
    return deepcopy(network).float().to(memory_format=torch.channels_last), x


def agree(found: torch.Tensor, exact: torch.Tensor, name: str) -> None:
    off = (found - exact).abs() / exact
    assert off.max() < EDGE and off.median() < ROUNDING, name


def test_single_precision_counts_what_double_precision_counts(double, single):
    """A density counts exact zeros. If a gradient vanished for being small, or a zero came out as nearly zero, it would
    be another one."""
    exact, found = (attributions(*pair)[1]["top1.density"] for pair in (double, single))
    agree(found, exact, "top1.density")
    assert (exact.amax(0) / exact.amin(0)).max() > 1 + 4 * EDGE  # the images differ by more


def test_a_batch_of_one_gives_what_a_batch_of_five_gives(single):
    network, x = single
    whole, parts = attributions(network, x)[1], [attributions(network, part)[1] for part in x.split(1)]
    for name in ALL:
        agree(torch.cat([part[name] for part in parts]), whole[name], name)
