"""GAIA's gradients: what one pass through a network leaves behind for every fusion, layer set and reduction.

For an attribution layer l with output A^l (N, K_l, H_l, W_l) and a fixed vector v on the penultimate feature h, let
G^l = d(v . h)/dA^l. Three choices of v give all of GAIA (NeurIPS 2023, supplement, Eq. 7 to 11 and Section F):

====== =================== ===============================================================================
name   v                   scalar that is differentiated
====== =================== ===============================================================================
top1   W_y, y = argmax z   the largest logit: GAIA-Z, and the row "w/o fusion (top 1 label)" of Table 3
inner  1                   the sum of the pooled feature: GAIA-A's inner component (Eq. 9)
direct sum_c W_c           the plain sum of all logits: the row "fusion (direct from Eq. 10)"
====== =================== ===============================================================================

Kept per image and layer, as means over the layer's channels: the squared non-zero density of G (GAIA-Z), the squared
absolute spatial mean (``abs_mean``, the released code's reduction) and the squared spatial mean of absolute values
(``mean_abs``, Eq. 7 as printed). Beside them stands ``active.density``, the forward form of the first
(ood.passes.activity), which takes no backward pass. Sums over layers, fusion with the output component and signs are
left to the detectors, so changing those needs no network.

The network runs forward once; the graph starts at the first of the layers, holds no parameter gradients, and is walked
once for each v. Fewer layers or statistics are cheaper: GAIA-A alone is ``inner.abs_mean`` at the late layers.
"""

from collections.abc import Callable
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from ood.passes.activity import activity, density, mean_square

# The three v of the table above, each (N, D), of the network's last layer and the features.
VECTORS: dict[str, Callable[[nn.Linear, Tensor], Tensor]] = {
    "top1": lambda head, h: head.weight[head(h).argmax(1)],
    "inner": lambda head, h: torch.ones_like(h),
    "direct": lambda head, h: head.weight.sum(0).expand_as(h),
}
# Bytes of one pass's maps up to which their gradients are held all at once: with few images, calls are what costs.
SMALL = 2**24


def abs_mean(gradient: Tensor) -> Tensor:
    """Spatial mean by channel, whose square needs no absolute value: (N, K, H, W) -> (N, K)."""
    return gradient.mean(dim=(2, 3))


def mean_abs(gradient: Tensor) -> Tensor:
    """Spatial mean of absolute values by channel: (N, K, H, W) -> (N, K)."""
    return gradient.abs().mean(dim=(2, 3))


STATISTICS = {
    "top1": {"density": density, "abs_mean": abs_mean, "mean_abs": mean_abs},
    "inner": {"abs_mean": abs_mean, "mean_abs": mean_abs},
    "direct": {"abs_mean": abs_mean, "mean_abs": mean_abs},
}
ALL = ("active.density", *(f"{v}.{reduction}" for v, reductions in STATISTICS.items() for reduction in reductions))


def channels(layer: nn.Module) -> int:
    """The number of channels of a normalisation layer, with or without weights: BatchNorm's or GroupNorm's."""
    return layer.num_channels if isinstance(layer, nn.GroupNorm) else layer.num_features


def blocks(network: nn.Module) -> tuple[str, ...]:
    """How the names of the layers inside each block of a network start, in forward order."""
    names = {module: name for name, module in network.named_modules()}
    return tuple(f"{names[block]}." for block in network.blocks().values())


def attributions(
    network: nn.Module, x: Tensor, layers: dict[str, nn.Module] | None = None, wanted: tuple[str, ...] = ALL
) -> tuple[Tensor, dict[str, Tensor]]:
    """Penultimate features (N, D) and, by name such as ``inner.abs_mean``, statistics (N, L) in float64.

    ``network`` is in eval mode with frozen parameters and stays so; ``layers``, L by name in forward order, are all its
    attribution layers unless given; ``wanted`` are names of statistics. The backpropagated scalar is a sum over the
    batch, so an image's values do not depend on its neighbours.
    """
    layers = network.attribution_layers() if layers is None else layers
    taps: list[Tensor] = []

    def tap(output: Tensor) -> Tensor:
        if not taps or not output.requires_grad:  # a shortcut beside the first layer starts a graph as well
            output = output.detach().requires_grad_()
        taps.append(output)
        return output

    with torch.enable_grad():
        h, found = activity(network, x, tuple(layers), tap, "active.density" in wanted)
    reductions = {v: {name: f for name, f in STATISTICS[v].items() if f"{v}.{name}" in wanted} for v in VECTORS}
    walked = [v for v in VECTORS if reductions[v]]
    walk = _together if sum(tensor.nbytes for tensor in taps) <= SMALL else _one_by_one
    for v in walked:
        along = VECTORS[v](network.head, h.detach())
        for name, values in walk(h, taps, along, reductions[v], keep=v != walked[-1]).items():
            found[f"{v}.{name}"] = values
    return h.detach(), found


def _together(h: Tensor, taps: list[Tensor], v: Tensor, statistics: dict, keep: bool) -> dict[str, Tensor]:
    """One backward pass from h along v; all layers' gradients are held, and those of one shape reduced together."""
    gradients = torch.autograd.grad(h, taps, v, retain_graph=keep)
    shapes = list(dict.fromkeys(gradient.shape for gradient in gradients))
    order = sorted(range(len(taps)), key=lambda layer: shapes.index(gradients[layer].shape))
    stacks = [torch.cat([gradient for gradient in gradients if gradient.shape == shape]) for shape in shapes]
    found = {}
    for name, statistic in statistics.items():
        parts = [part for maps in stacks for part in statistic(maps).split(len(h))]
        found[name] = mean_square([parts[order.index(layer)] for layer in range(len(taps))])
    return found


def _one_by_one(h: Tensor, taps: list[Tensor], v: Tensor, statistics: dict, keep: bool) -> dict[str, Tensor]:
    """The same; each layer's gradient is reduced as it passes and then forgotten."""
    columns = {name: [None] * len(taps) for name in statistics}

    def reduce(layer: int):
        def hook(gradient: Tensor) -> None:
            for name, statistic in statistics.items():
                columns[name][layer] = statistic(gradient)

        return hook

    with ExitStack() as hooks:
        for layer, tensor in enumerate(taps):
            hooks.enter_context(tensor.register_hook(reduce(layer)))
        torch.autograd.grad(h, [tensor for tensor in taps if tensor.is_leaf], v, retain_graph=keep)
    return {name: mean_square(values) for name, values in columns.items()}
