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

With one image, calls are what costs: the gradients of all layers are held, and those of one shape reduced together.
With a batch, memory is: each layer's gradient is reduced as it passes, and no map is held for that.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from ood.passes.activity import activity, density, mean_square

# The three v of the table above, each (N, D), of the network's last layer and the features.
VECTORS: dict[str, Callable[[nn.Linear, Tensor], Tensor]] = {
    "top1": lambda head, h: head.weight[head(h).argmax(1)],
    "inner": lambda head, h: torch.ones_like(h),
    "direct": lambda head, h: head.weight.sum(0).expand_as(h),
}


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
    outputs = Outputs(single=len(x) == 1)
    with torch.enable_grad():
        h, found = activity(network, x, tuple(layers), outputs.add, "active.density" in wanted)
    reductions = {v: {name: f for name, f in STATISTICS[v].items() if f"{v}.{name}" in wanted} for v in VECTORS}
    walked = [v for v in VECTORS if reductions[v]]
    for v in walked:
        along = VECTORS[v](network.head, h.detach())
        for name, values in outputs.walk(h, along, reductions[v], keep=v != walked[-1]).items():
            found[f"{v}.{name}"] = values
    return h.detach(), found


class Outputs:
    """The layers' outputs in the graph of one forward pass, and what backward passes leave there."""

    def __init__(self, single: bool):
        self.single = single
        self.held: list[Tensor] = []  # the outputs of all layers with a single image, else of those that start a graph
        self.passing = Passing()

    def add(self, output: Tensor) -> Tensor:
        """Takes the next layer's output; returns what goes on in its place."""
        if not self.held or not output.requires_grad:  # a shortcut beside the first layer starts a graph as well
            output = output.detach().requires_grad_()
        if self.single or output.is_leaf:
            self.held.append(output)
        if not self.single:
            self.passing.watch(output)
        return output

    def walk(self, h: Tensor, v: Tensor, statistics: dict, keep: bool) -> dict[str, Tensor]:
        """One backward pass from h along v, both (N, D): statistics (N, L) by name."""
        if self.single:
            return _together(torch.autograd.grad(h, self.held, v, retain_graph=keep), statistics)
        self.passing.begin(statistics)
        torch.autograd.grad(h, self.held, v, retain_graph=keep)
        return self.passing.end()


class Passing:
    """Reduces gradients as they pass. Holds no tensor of the graph: its hooks would keep that alive."""

    def __init__(self):
        self.layers = 0

    def watch(self, output: Tensor) -> None:
        """Has the gradient at the next layer's output reduced in every walk."""
        output.register_hook(partial(self.reduce, self.layers))
        self.layers += 1

    def begin(self, statistics: dict) -> None:
        self.statistics = statistics
        self.columns = {name: [None] * self.layers for name in statistics}

    def reduce(self, layer: int, gradient: Tensor) -> None:
        for name, statistic in self.statistics.items():
            self.columns[name][layer] = statistic(gradient)

    def end(self) -> dict[str, Tensor]:
        return {name: mean_square(values) for name, values in self.columns.items()}


def _together(gradients: tuple[Tensor, ...], statistics: dict) -> dict[str, Tensor]:
    """Statistics (1, L) of a single image's gradients at all layers; those of one shape are reduced together."""
    shapes = list(dict.fromkeys(gradient.shape for gradient in gradients))
    order = sorted(range(len(gradients)), key=lambda layer: shapes.index(gradients[layer].shape))
    stacks = [torch.cat([gradient for gradient in gradients if gradient.shape == shape]) for shape in shapes]
    found = {}
    for name, statistic in statistics.items():
        parts = [part for maps in stacks for part in statistic(maps).split(1)]
        found[name] = mean_square([parts[order.index(layer)] for layer in range(len(gradients))])
    return found
