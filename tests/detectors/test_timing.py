"""What is timed is the method: each way gives its default score."""

import numpy as np
import pytest
import torch

from ood.artifacts.methods import TIMED
from ood.detectors import Images, method
from ood.errors import Problem
from ood.evaluation import timing

STD = [0.5, 0.5, 0.5]
OPTIONS = {
    "msp": {},
    "energy": {"temperature": 2.0},
    "odin": {"epsilon": 0.1},
    "react": {},
    "gradnorm": {},
    "rankfeat": {},
    "gaia_a": {},
    "gaia_z": {},
}
DEFAULTS = {"react": "fixed"}  # its default is a threshold that is learnt; what is timed is one that is given


@pytest.fixture
def whole(network, x, given):
    """A function from a method to what it consumes, of the same images."""
    attributed = given(network, x)
    parts = {"features": attributed.features, "attributions": attributed, "network": Images(network, [x], STD)}
    return lambda name: parts[method(name).consumes]


def test_every_timed_method_is_here():
    assert set(OPTIONS) == set(TIMED)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_way_gives_the_methods_scores(network, x, whole, name):
    detector = method(name)(**OPTIONS[name])
    column = DEFAULTS.get(name, detector.default)
    found = timing.ways(network, STD, OPTIONS)[name](x)
    found = found[column] if isinstance(found, dict) else found
    np.testing.assert_allclose(found, detector.score(whole(name), timing.THRESHOLD)[column], rtol=1e-9)


@pytest.mark.parametrize("name", ["gaia_a", "gaia_z"])
@pytest.mark.parametrize("layers", [["layer2."], ["bn1", "layer4.2"], []], ids=["block", "two", "all"])
def test_gaia_reads_the_layers_of_its_option(network, x, whole, name, layers):
    """GAIA-A's default does, GAIA-Z's reads all of them."""
    detector = method(name)(layers=layers)
    found = timing.ways(network, STD, {name: {"layers": layers}})[name](x)
    np.testing.assert_allclose(found, detector.score(whole(name), None)[detector.default], rtol=1e-9)
    late = method(name)().score(whole(name), None)[detector.default]
    assert np.allclose(found, late) == (name == "gaia_z")


def test_the_option_may_name_the_layer_before_the_head(bit, given):
    x = torch.randn(2, 3, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    options = {"layers": ["body.norm.0", "body.stages.3.blocks.1"]}
    found = timing.ways(bit, STD, {"gaia_a": options})["gaia_a"](x)
    np.testing.assert_allclose(found, method("gaia_a")(**options).score(given(bit, x), None)["q=0.5"], rtol=1e-9)


@pytest.mark.parametrize("layers", [["layer9."], ["layer4.", "layer9."]])
def test_a_prefix_that_names_no_layer_is_refused(network, x, layers):
    with pytest.raises(Problem, match=r"no attribution layer of this network starts with 'layer9\.'"):
        timing.ways(network, STD, {"gaia_a": {"layers": layers}})["gaia_a"](x)


def test_the_head_is_converted_once_for_all_batches(network, x):
    of = timing.features(network)
    first, second = (of(network.features(part)) for part in x.split(3))
    assert first.weight is second.weight and first.bias is second.bias
    for part, exact in zip(first[2:], network.head.parameters(), strict=True):
        assert part.dtype == float and np.array_equal(part, exact.numpy())
