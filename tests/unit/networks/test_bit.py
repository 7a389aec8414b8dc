"""BiT-S R101x1: both published files against a forward pass written down from the Big Transfer code."""

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ood import networks
from ood.train import weights

torch.set_num_threads(1)  # as every step does

UNITS = (3, 4, 23, 3)


@pytest.fixture(scope="module")
def bit() -> dict[str, np.ndarray]:
    """Random weights of BiT-S R101x1 with 5 classes as the ``.npz`` file names and shapes them."""
    rng, found = np.random.default_rng(0), {}

    def kernel(name: str, side: int, before: int, after: int) -> None:
        found[f"{name}/kernel"] = 0.01 * rng.standard_normal((side, side, before, after), dtype=np.float32)

    def norm(name: str, channels: int) -> None:
        found[f"{name}/group_norm/gamma"] = rng.uniform(0.5, 1.5, channels).astype(np.float32)
        found[f"{name}/group_norm/beta"] = rng.uniform(-0.5, 0.5, channels).astype(np.float32)

    kernel("resnet/root_block/standardized_conv2d", 7, 3, 64)
    before = 64
    for block, units in enumerate(UNITS, start=1):
        inner, after = 32 * 2**block, 128 * 2**block
        for unit in range(1, units + 1):
            name = f"resnet/block{block}/unit{unit:02d}"
            if unit == 1:
                kernel(f"{name}/a/proj/standardized_conv2d", 1, before, after)
            for letter, side, start, end in (("a", 1, before, inner), ("b", 3, inner, inner), ("c", 1, inner, after)):
                norm(f"{name}/{letter}", start)
                kernel(f"{name}/{letter}/standardized_conv2d", side, start, end)
            before = after
    norm("resnet", 2048)
    kernel("resnet/head/conv2d", 1, 2048, 5)
    found["resnet/head/conv2d/bias"] = rng.standard_normal(5, dtype=np.float32)
    return found


def big_transfer(x: torch.Tensor, arrays: dict[str, np.ndarray]) -> torch.Tensor:
    """Logits (N, C) in float64."""

    def array(name: str) -> torch.Tensor:
        return torch.from_numpy(arrays[name]).double()

    def conv(x: torch.Tensor, name: str, stride: int = 1) -> torch.Tensor:
        weight = array(f"{name}/standardized_conv2d/kernel").permute(3, 2, 0, 1)
        variance, mean = torch.var_mean(weight, (1, 2, 3), correction=0, keepdim=True)
        return F.conv2d(x, (weight - mean) / (variance + 1e-10).sqrt(), stride=stride, padding=weight.shape[-1] // 2)

    def active(x: torch.Tensor, name: str) -> torch.Tensor:
        groups = x.reshape(len(x), 32, -1)
        variance, mean = torch.var_mean(groups, 2, correction=0, keepdim=True)
        x = ((groups - mean) / (variance + 1e-5).sqrt()).view_as(x)
        scale, shift = (array(f"{name}/group_norm/{part}").view(-1, 1, 1) for part in ("gamma", "beta"))
        return (x * scale + shift).relu()

    x = F.max_pool2d(F.pad(conv(x, "resnet/root_block", 2), (1, 1, 1, 1)), 3, 2)
    for block, units in enumerate(UNITS, start=1):
        for unit in range(1, units + 1):
            name = f"resnet/block{block}/unit{unit:02d}"
            stride = 2 if unit == 1 and block > 1 else 1
            a = active(x, f"{name}/a")
            shortcut = conv(a, f"{name}/a/proj", stride) if unit == 1 else x
            b = active(conv(a, f"{name}/a"), f"{name}/b")
            c = active(conv(b, f"{name}/b", stride), f"{name}/c")
            x = shortcut + conv(c, f"{name}/c")
    h = active(x, "resnet").mean((2, 3))
    return h @ array("resnet/head/conv2d/kernel")[0, 0] + array("resnet/head/conv2d/bias")


def test_bit_from_npz_is_the_network_of_big_transfer(tmp_path, bit):
    np.savez(tmp_path / "BiT-S-R101x1.npz", **bit)
    network = weights.load_published("bit_r101x1", 5, {}, tmp_path / "BiT-S-R101x1.npz").double()
    x = torch.randn(2, 3, 56, 72, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(network(x), big_transfer(x, bit), rtol=1e-9, atol=1e-9)


def test_bit_from_the_fine_tuned_file_has_the_same_weights(tmp_path, bit):
    def tuned(name: str) -> str:
        name = name.removeprefix("resnet/").replace("root_block/standardized_conv2d", "root.conv")
        name = re.sub(r"^(block\d)/(unit\d\d)/", r"body.\1.\2.", name).replace("head/conv2d", "head.conv")
        name = name.replace("a/proj/standardized_conv2d", "downsample")
        for i, letter in enumerate("abc", start=1):
            name = name.replace(f".{letter}/standardized_conv2d", f".conv{i}").replace(
                f".{letter}/group_norm", f".gn{i}"
            )
        name = name.replace("group_norm", "before_head.gn")
        return (
            name.replace("/kernel", ".weight").replace("/gamma", ".weight").replace("/beta", ".bias").replace("/", ".")
        )

    state = {}
    for name, value in bit.items():
        tensor = torch.from_numpy(value)
        state[f"module.{tuned(name)}"] = tensor.permute(3, 2, 0, 1).contiguous() if tensor.ndim == 4 else tensor
    assert {"module.body.block3.unit23.gn3.bias", "module.before_head.gn.weight", "module.head.conv.bias"} < set(state)
    torch.save({"model": state, "step": 20_000}, tmp_path / "tuned.pth.tar")
    found = weights.load_published("bit_r101x1", 5, {}, tmp_path / "tuned.pth.tar").state_dict()
    network = networks.architecture("bit_r101x1")
    exact = network.convert({name: torch.from_numpy(value) for name, value in bit.items()})
    assert found.keys() == exact.keys() and all(torch.equal(found[name], exact[name]) for name in found)
