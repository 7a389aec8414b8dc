"""GAIA-Z without gradients: how many positions are active behind each attribution layer.

Where a normalisation layer is followed by a ReLU, directly or after the sum with a shortcut, the gradient at the
layer's output is zero where that ReLU is closed and, but for coincidences, nowhere else, whatever logit it is of. So
the non-zero density of the gradient is that of the ReLU's output, which a forward pass has at hand.

They differ where the gradient is stopped later too: by a max-pool, which hands it to one position of each window (the
stems of ResNet-50 and DenseNet-121, the last layer of each stage of playground_cnn), and where the weights behind an
open position are exactly zero, or all ReLUs behind it closed, as in a network with dead filters. The forward form is
then the larger one.

Which ReLU stands behind a layer is read off the network's graph (torch.fx), once; the pass then runs that graph, with
one more call behind each such ReLU. Watching every call of every pass instead doubles a small network's time.
"""

import operator
from functools import lru_cache
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

RELUS = (F.relu, torch.relu, "relu")
SUMS = (operator.add, torch.add, "add")


def density(maps: Tensor) -> Tensor:
    """Share of non-zero positions by channel: (N, K, H, W) -> (N, K). No tolerance, on purpose."""
    mask = torch.ne(maps, 0, out=torch.empty_like(maps))  # in the maps' own type: ten times faster than a boolean mask
    return mask.mean(dim=(2, 3))


def share_open(maps: Tensor) -> Tensor:
    """``density`` of a ReLU's output, none of which is negative: a step less."""
    return maps.detach().sign().mean(dim=(2, 3))


def mean_square(channels: list[Tensor]) -> Tensor:
    """Mean over channels of the square, for each layer: L times (N, K_l) -> (N, L), float64.

    Layers of one width that follow each other are reduced together: with one image, calls are what costs.
    """
    squares = torch.cat(channels, dim=1).double().square_()
    runs = [(width, len(list(run))) for width, run in groupby(part.shape[1] for part in channels)]
    parts = squares.split([width * count for width, count in runs], dim=1)
    means = [part.unflatten(1, (-1, width)).mean(2) for part, (width, _) in zip(parts, runs, strict=True)]
    return torch.cat(means, dim=1)


class Tracer(fx.Tracer):
    """Of ``features``, down to torch's own modules and the attribution layers."""

    traced_func_name = "features"

    def __init__(self, layers: tuple[str, ...]):
        super().__init__()
        self.layers = layers

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return name in self.layers or super().is_leaf_module(module, name)


def relus_behind(node: fx.Node, modules: dict[str, nn.Module]) -> set[fx.Node | None]:
    """Through which ReLUs alone, or sums and then ReLUs, a value goes; None stands for any other way."""
    found: set[fx.Node | None] = set()
    for user in node.users:
        if user.target in RELUS or isinstance(modules.get(user.target), nn.ReLU):
            found.add(user)
        else:
            found |= relus_behind(user, modules) if user.target in SUMS else {None}
    return found


@lru_cache(maxsize=4)
def counting(network: nn.Module, layers: tuple[str, ...]) -> fx.GraphModule | None:
    """The network's ``features``, returning beside them the densities (N, K) behind the layers of these names.

    It shares the network's modules, so that hooks on them run. None where a layer has not one ReLU behind it, or more.
    """
    graph = Tracer(layers).trace(network)
    modules = dict(network.named_modules())
    nodes = {node.target: node for node in graph.nodes if node.op == "call_module"}
    relus = [relus_behind(nodes[name], modules) for name in layers]
    if any(None in found or len(found) != 1 for found in relus):
        return None
    counted: dict[fx.Node, fx.Node] = {}
    for (relu,) in relus:
        if relu not in counted:
            with graph.inserting_after(relu):
                counted[relu] = graph.call_function(share_open, (relu,))
    (output,) = (node for node in graph.nodes if node.op == "output")
    output.args = ((output.args[0], [counted[relu] for (relu,) in relus]),)
    return fx.GraphModule(network, graph)


def activity(network: nn.Module, x: Tensor, layers: tuple[str, ...]) -> tuple[Tensor, dict[str, Tensor]]:
    """Penultimate features (N, D) and ``active.density`` (N, L), float64, of the layers of these names.

    The latter is missing where a layer has not one ReLU behind it. ``network`` is in eval mode.
    """
    counted = counting(network, layers) if layers else None
    if counted is None:
        return network.features(x), {}
    h, densities = counted(x)
    return h, {"active.density": mean_square(densities)}
