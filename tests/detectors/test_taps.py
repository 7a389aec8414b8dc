"""Where a pass is read, and where it ends."""

import pytest
import torch

from ood.passes.taps import taps


@pytest.fixture(scope="module")
def maps(bit):
    x = torch.randn(2, 3, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = [bit.body.stem(x)]
    for stage in bit.body.stages:
        found.append(stage(found[-1]))
    return x, found


def test_taps_of_bit_are_the_root_and_the_four_blocks(bit, maps):
    x, exact = maps
    found = taps(bit, x)
    assert list(found) == ["stem", "block1", "block2", "block3", "block4"]
    for phi, whole in zip(found.values(), exact, strict=True):
        torch.testing.assert_close(phi, whole.mean((2, 3)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("until", ["stem", "block2", "block4"])
def test_a_pass_goes_no_deeper_than_asked(bit, maps, until):
    ended, watches = [], []
    for name, block in bit.blocks().items():
        watches.append(block.register_forward_hook(lambda *_, name=name: ended.append(name)))
    found = taps(bit, maps[0], until)
    for watch in watches:
        watch.remove()
    every = taps(bit, maps[0])
    names = list(every)[: list(every).index(until) + 1]
    assert list(found) == names and all(torch.equal(found[name], every[name]) for name in names)
    assert ended == [name for name in names if name != "stem"]


def test_no_hook_stays_where_the_pass_fails(network, x):
    with pytest.raises(RuntimeError):
        taps(network, x[:, :2])
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
