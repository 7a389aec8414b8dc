"""GAIA against an obvious implementation: every normalisation output keeps its gradient, one full ``backward`` per
scalar, one image at a time; on each kind of network that GAIA's tables have. Then GAIA-Z without any gradient, and the
edges."""

import logging

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ood.detectors import Attributions, Features, method
from ood.errors import Problem
from ood.passes.layers import mean

BLOCKS = ("layer3.", "layer4.")
# The layers that the released code reads: every BatchNorm of a CIFAR network; of BiT the GroupNorms of the last block,
# and for one OOD set the one before the head. Then those of GAIA-Z's default, and of GAIA-A.
LAYERS = {
    "network": (nn.BatchNorm2d, "", ("",), BLOCKS),
    "wide": (nn.BatchNorm2d, "", ("",), ("",)),
    "bit": (nn.GroupNorm, ("body.stages.3.", "body.norm."), ("body.stages.",), ("body.stages.",)),
}
REDUCTIONS = {
    "abs_mean": lambda gradient: gradient.mean((1, 2)).abs(),
    "mean_abs": lambda gradient: gradient.abs().mean((1, 2)),
    "density": lambda gradient: torch.count_nonzero(gradient, dim=(1, 2)).double() / gradient[0].numel(),
}


@pytest.fixture(scope="session")
def wide(seeded):
    """WRN-40-2."""
    return seeded("wrn40_2")


def norms(network: nn.Module, kind: type = nn.BatchNorm2d, within: str | tuple[str, ...] = "") -> dict[str, nn.Module]:
    """The normalisation layers whose name starts with ``within``."""
    return {
        name: module for name, module in network.named_modules() if isinstance(module, kind) and name.startswith(within)
    }


def slow(read: dict[str, nn.Module], network, image) -> tuple[dict[str, dict[str, torch.Tensor]], torch.Tensor]:
    """Per scalar and layer the gradient (K, H, W) of one image, and that of sum_c log p_c for the pooled feature."""
    kept = {}

    def keep(name: str):
        return lambda module, inputs, output: (output.retain_grad(), kept.update({name: output}))[0]

    hooks = [module.register_forward_hook(keep(name)) for name, module in read.items()]
    h = network.features(image[None].clone().requires_grad_())
    h.retain_grad()
    z = network.head(h)
    scalars = {"top1": z.max(), "inner": h.sum(), "direct": z.sum(), "output": F.log_softmax(z, 1).sum()}
    gradients = {}
    for scalar, value in scalars.items():
        for tensor in (h, *kept.values()):
            tensor.grad = None
        value.backward(retain_graph=True)
        gradients[scalar] = {name: output.grad[0].clone() for name, output in kept.items()}
    for hook in hooks:
        hook.remove()
    return gradients, h.grad[0]


def mean_square(gradients: dict[str, torch.Tensor], reduction: str, prefixes: tuple[str, ...] = ("",)) -> float:
    """Over the concatenated channels of all layers whose name starts with a prefix."""
    parts = [REDUCTIONS[reduction](gradients[name]) for name in gradients if name.startswith(prefixes)]
    return torch.cat(parts).square().mean().item()


def of_blocks(gradients: dict[str, torch.Tensor]) -> dict[str, tuple[str, ...]]:
    """ResNet34's four blocks and WRN-40-2's three, alone and with all that follow; BiT's layers are of one only."""
    first = next(name for name in gradients if "." in name).split(".")[0]
    names = {"layer1": [f"layer{n}" for n in (1, 2, 3, 4)], "block1": [f"block{n}" for n in (1, 2, 3)]}.get(first, [])
    sets = {f"block={name}": (f"{name}.",) for name in names}
    return sets | {f"from={name}": tuple(f"{later}." for later in names[n:]) for n, name in enumerate(names[:-1])}


def gaia_a(gradients, of_feature, every, blocks) -> dict[str, float]:
    output = of_feature.abs().mean().item()
    columns = {"output": output}
    for reduction, suffix in (("abs_mean", ""), ("mean_abs", " mean_abs")):
        for q in (0.5, 1, 2):  # E = E_inner / E_out^q
            fused = {name: g / output**q for name, g in gradients["inner"].items()}
            columns[f"q={q}{suffix}"] = -mean_square(fused, reduction, blocks)
        for row in ("inner", "top1", "direct"):
            columns[f"{row}{suffix}"] = -mean_square(gradients[row], reduction, blocks)
    for name, gradient in gradients["inner"].items():
        columns[f"q=0.5 layer={name}"] = -mean_square({name: gradient / output**0.5}, "abs_mean")
    fused = {name: gradient / output**0.5 for name, gradient in gradients["inner"].items()}
    for column, prefixes in of_blocks(fused).items():
        columns[f"q=0.5 {column}"] = -mean_square(fused, "abs_mean", prefixes)
    return columns


def gaia_z(gradients, of_feature, every, blocks) -> dict[str, float]:
    gradients = gradients["top1"]
    sets = {"all": every, "late": blocks, **{f"layer={name}": (name,) for name in gradients}}
    sets |= of_blocks(gradients)
    if every != ("",):
        sets["with final norm"] = ("",)
    columns = {column: -mean_square(gradients, "density", prefixes) for column, prefixes in sets.items()}
    forward = {"all", "late", "with final norm"} & set(columns)
    return columns | {f"forward {column}": columns[column] for column in forward}


def compare(columns: dict[str, np.ndarray], exact: list[dict[str, float]]) -> None:
    assert set(columns) == set(exact[0])
    for column, values in columns.items():
        expected = [image[column] for image in exact]
        np.testing.assert_allclose(values, expected, rtol=1e-9, err_msg=column)
        assert len(set(expected)) > 1, f"{column}: one value for all images"


@pytest.mark.parametrize(("kind", "side", "count"), [("network", 16, 36), ("wide", 16, 37), ("bit", 64, 7)])
def test_every_column_equals_full_backward_passes(request, given, kind, side, count):
    net, (norm, within, every, late) = request.getfixturevalue(kind), LAYERS[kind]
    x = 2 * torch.randn(5, 3, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    images, read = given(net, x), norms(net, norm, within)
    assert images.layers == tuple(read) and len(read) == count
    gradients = [slow(read, net, image) for image in x]
    for name, reference in (("gaia_a", gaia_a), ("gaia_z", gaia_z)):
        compare(method(name)().score(images, None), [reference(*found, every, late) for found in gradients])


@pytest.mark.parametrize(("name", "reference"), [("gaia_a", gaia_a), ("gaia_z", gaia_z)])
def test_chosen_layers(network, x, given, name, reference):
    blocks = ("bn1", "layer2.1.")
    exact = [reference(*slow(norms(network), network, image), ("",), blocks) for image in x]
    compare(method(name)(layers=blocks).score(given(network, x), None), exact)


def test_the_output_part_is_the_mean_gradient_of_the_last_map(network, x, given):
    last = []
    hook = network.layer4.register_forward_hook(lambda module, inputs, output: last.append(output))
    log_p = F.log_softmax(network(x.clone().requires_grad_()), 1)
    hook.remove()
    (gradient,) = torch.autograd.grad(log_p.sum(), last[0])
    exact = 4 * gradient.mean((2, 3)).abs().mean(1)  # Eq. 7 on a 2x2 map
    np.testing.assert_allclose(method("gaia_a")().score(given(network, x), None)["output"], exact, rtol=1e-10)


def test_gaia_z_is_the_share_of_active_relus(network, x, given):
    """Where a ReLU follows, directly or after the residual sum, the gradient is non-zero exactly where it is open."""
    active = {}

    def open_after(*names: str):
        return lambda module, inputs, output: active.update(dict.fromkeys(names, output > 0))

    hooks = [network.bn1.register_forward_hook(open_after("bn1"))]
    for name, block in network.named_modules():
        if type(block).__name__ == "BasicBlock":
            hooks.append(block.bn1.register_forward_hook(open_after(f"{name}.bn1")))
            ends = [f"{name}.bn2", *([f"{name}.shortcut.1"] if len(block.shortcut) else [])]
            hooks.append(block.register_forward_hook(open_after(*ends)))
    network(x)
    for hook in hooks:
        hook.remove()
    images = given(network, x)
    columns = method("gaia_z")().score(images, None)
    assert set(active) == set(images.layers)
    shares = {name: mask.double().mean((2, 3)) for name, mask in active.items()}
    for name, share in shares.items():
        np.testing.assert_allclose(columns[f"layer={name}"], -share.square().mean(1), rtol=1e-12, err_msg=name)
    for column in ("all", "forward all"):
        np.testing.assert_allclose(columns[column], -torch.cat(list(shares.values()), 1).square().mean(1), rtol=1e-12)


@pytest.mark.parametrize("name", ["gaia_a", "gaia_z"])
def test_a_prefix_without_layers_is_named(network, x, given, name):
    with pytest.raises(Problem, match=r"starts with 'layer5\.'.*it has bn1, layer1\.0\.bn1, .*layer4\.2\.bn2"):
        method(name)(layers=("layer4.", "layer5.")).score(given(network, x), None)


def test_a_layers_whole_name_is_that_layer_alone():
    """``body.1`` is not the beginning of ``body.12``, as it would be of a block's prefix; and a prefix comes first."""
    densities, names = np.array([[0.1, 0.5, 0.9, 0.3]]), ("body.1", "body.12", "body.4", "stem.body.1")
    images = Attributions(None, names, (), np.array([1, 1, 1, 1]), {"top1.density": densities})
    found = method("gaia_z")().score(images, None)
    assert [found[f"layer={layer}"].item() for layer in names] == pytest.approx([-0.1, -0.5, -0.9, -0.3])
    assert mean(images, "top1.density", ("body.",)).item() == pytest.approx(0.5)


def test_images_without_a_gradient_are_counted(caplog):
    images = Attributions(None, ("bn1",), (), np.array([1]), {"top1.density": np.array([[0.0], [0.2], [0.0]])})
    with caplog.at_level(logging.INFO, "ood"):
        method("gaia_z")().score(images, None)
        method("gaia_z")().score(images._replace(statistics={"top1.density": np.array([[0.2]])}), None)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "2 of 3 images have no gradient at any of the layers"
    ]


@pytest.mark.parametrize("inner", [0.0, 3.0])
def test_gaia_a_survives_a_uniform_prediction(inner):
    """W^T (1 - C p) = 0 for equal logits: the guard must keep every fusion finite (and 0 for zero gradients)."""
    statistics = {f"{row}.{r}": np.full((1, 1), inner) for row in ("inner", "top1", "direct") for r in REDUCTIONS}
    features = Features(np.zeros((1, 3)), np.zeros((1, 4)), np.ones((4, 3)), np.zeros(4))
    images = Attributions(features, ("layer4.0.bn1",), (), np.array([2]), statistics)
    for column, values in method("gaia_a")(layers=("layer4.",)).score(images, None).items():
        assert np.isfinite(values).all(), column
        assert values == 0 or inner or column == "output", column
