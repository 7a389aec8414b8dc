"""GAIA-Z without gradients: how many positions are active behind each attribution layer.

Where a normalisation layer is followed by a ReLU, directly or after the sum with a shortcut, the gradient at the
layer's output is zero where that ReLU is closed and, but for coincidences, nowhere else, whatever logit it is of. So
the non-zero density of the gradient is that of the ReLU's output, which a forward pass has at hand.

They differ where the gradient is stopped later too: by a max-pool, which hands it to one position of each window (the
stems of ResNet-50 and DenseNet-121, the last layer of each stage of playground_cnn), and where the weights behind an
open position are exactly zero, as in a network with dead filters, or all ReLUs behind it closed. The forward form is
then the larger one: on the published DenseNet-BC for CIFAR-100 for most images.

Which ReLU stands behind a layer is read off the network's graph (torch.fx), once; the pass then runs that graph, with
one more call behind each layer and each such ReLU. Watching every call of every pass instead doubles a small network's
time.
"""

import operator
from collections.abc import Callable
from functools import lru_cache
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from ood.errors import Problem
from ood.passes.packed import Packed, packable
from ood.passes.scaled import Scaled, scalable

Tap = Callable[[Tensor], Tensor]  # from a layer's output to what goes on in its place

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


def _count(graph: fx.Graph, relus: list[set[fx.Node | None]]) -> None:
    """Have the graph return, beside its output, the densities (N, K) behind layers, each of which has one ReLU."""
    counted: dict[fx.Node, fx.Node] = {}
    for (relu,) in relus:
        if relu not in counted:
            with graph.inserting_after(relu):
                counted[relu] = graph.call_function(share_open, (relu,))
    (output,) = (node for node in graph.nodes if node.op == "output")
    output.args = ((output.args[0], [counted[relu] for (relu,) in relus]),)


def _tap(graph: fx.Graph, layers: list[fx.Node]) -> None:
    """Have the graph take a second argument, a ``Tap``, and send what each of the layers gives through it."""
    (x,) = (node for node in graph.nodes if node.op == "placeholder")
    with graph.inserting_after(x):
        tap = graph.placeholder("tap")
    for layer in layers:
        with graph.inserting_after(layer):
            tapped = graph.call_function(_call, (tap, layer))
        layer.replace_all_uses_with(tapped, delete_user_cb=lambda user, tapped=tapped: user is not tapped)


def _call(tap: Tap, output: Tensor) -> Tensor:
    return tap(output)


def cheaper(part: nn.Module, single: bool) -> nn.Module:
    """The same layer with a cheaper way back, where there is one, of a single image or of a batch."""
    if single:
        return Packed(part) if packable(part) else part
    return Scaled(part) if scalable(part) else part


@lru_cache(maxsize=8)
def instrumented(network: nn.Module, layers: tuple[str, ...], counted: bool, single: bool) -> fx.GraphModule:
    """The network's ``features`` with a tap behind the layers of these names; returns a list of densities beside them.

    It is empty unless they are to be ``counted``, and where a layer has not one ReLU behind it, or more. The graph
    shares the network's modules, so that hooks on them run. It is made for a ``single`` image or for batches.
    """
    try:
        graph = Tracer(layers).trace(network)
    except fx.proxy.TraceError as error:
        raise Problem(
            f"{type(network).__module__}: torch.fx cannot trace `features`, which GAIA's pass needs ({error}). Let no "
            "step of it hang on a shape or a value, or leave out its `blocks`, and GAIA in config.yaml."
        ) from None
    modules = dict(network.named_modules())
    nodes = {node.target: node for node in graph.nodes if node.op == "call_module"}
    relus = [relus_behind(nodes[name], modules) for name in layers]
    countable = all(None not in found and len(found) == 1 for found in relus)
    _count(graph, relus if counted and countable else [])
    _tap(graph, [nodes[name] for name in layers])
    held = {}  # under short names: to look up "blocks.3.body.conv1" takes three steps, in every pass
    for place, node in enumerate(node for node in graph.nodes if node.op in ("call_module", "get_attr")):
        part = operator.attrgetter(node.target)(network)
        held[f"_{place}"], node.target = cheaper(part, single), f"_{place}"
    return fx.GraphModule(held, graph)


def activity(
    network: nn.Module, x: Tensor, layers: tuple[str, ...], tap: Tap = lambda output: output, counted: bool = True
) -> tuple[Tensor, dict[str, Tensor]]:
    """Penultimate features (N, D) and ``active.density`` (N, L), float64, of the layers of these names.

    The latter only if it is to be ``counted``, and not where a layer has not one ReLU behind it. ``network`` is in eval
    mode; what each layer gives goes through ``tap``.
    """
    if not layers:
        return network.features(x), {}
    h, densities = instrumented(network, layers, counted, len(x) == 1)(x, tap)
    return h, {"active.density": mean_square(densities)} if densities else {}
