"""Gradients of the logits for all parameters of a network, image by image.

With z (C,) one image's logits, the gradient of log p_y is that of v . z along the constant v = e_y - p: every score of
Igoe et al., "How Useful are Gradients for OOD Detection Really?" (2022), is a sum over the parameters' gradients along
a few v. One forward pass and one backward pass per v give, for many images at once, what every layer gets and the
gradients of what it gives. A parameter's gradient is a sum of outer products of the two, as many as the layer has
positions: for a linear layer one, whose norms have a closed form, so that its gradients are never made.

Gradients are as exact as the network's own type, v comes from float64 probabilities, so that e_y - p keeps its digits
for a certain prediction, and sums over the rows of parameters are float64.
"""

from collections.abc import Callable, Collection
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, vjp, vmap

from ood.errors import Problem
from ood.passes.terms import complement

# Bytes of layers' outputs, of their gradients and of what torch.func makes at a time: with fewer, calls are what costs.
# What a convolution gets comes on top, as often as its kernel has positions.
MEMORY = {"cpu": 2**27, "cuda": 2**31}
# Bytes of one parameter's gradients at a time: what is made of them finds them in the cache.
PIECE = {"cpu": 2**20, "cuda": 2**24}


def logits(network: nn.Module, x: Tensor) -> np.ndarray:
    """z (N, C), float64."""
    with torch.inference_mode():
        return network(x).double().cpu().numpy()


def errors(p: np.ndarray) -> np.ndarray:
    """e_y - p for every y: (N, C) -> (N, C, C)."""
    every = np.repeat(-p[:, np.newaxis], p.shape[1], axis=1)
    every[:, *np.diag_indices(p.shape[1])] = complement(p)
    return every


def gradient(module: nn.Module, x: Tensor, v: Tensor, recurse: bool = True) -> dict[str, Tensor]:
    """Of sum_n v_n . z_n for every parameter, by name: z (N, ...) is what the module makes of x (N, ...), v is like z.

    The module may be frozen and stays so. Without ``recurse`` only its own parameters count, not its parts'.
    """
    parameters = dict(module.named_parameters(recurse=recurse))
    _, pull_back = vjp(lambda parameters: functional_call(module, parameters, (x,)), parameters)
    return pull_back(v)[0]


class Outer(NamedTuple):
    """One parameter's gradients left @ right^T, of N images along V directions: P outer products each."""

    left: Tensor  # (N, V, O, P)
    right: Tensor  # (N, K, P)

    def summed(self, reduce: Callable[..., Tensor], *beside: Tensor) -> Tensor:
        """What ``reduce`` makes of all gradients, summed over pieces of their O rows: (N, V, R).

        It gets a piece (n, V, o, K) and the same rows of what stands ``beside``, (..., O, K), and gives (n, V, R).
        """
        row = self.left[0, :, 0, 0].nbytes * self.right.shape[1]
        rows = max(1, PIECE[self.left.device.type] // row)
        images = max(1, rows // self.left.shape[2])
        found = []
        for left, right in zip(self.left.split(images), self.right.split(images), strict=True):
            lefts, *besides = (whole.split(rows, dim=-2) for whole in (left, *beside))
            products = ((some.flatten(1, 2) @ right.mT).unflatten(1, some.shape[1:3]) for some in lefts)
            found.append(sum(reduce(*piece) for piece in zip(products, *besides, strict=True)))
        return torch.cat(found)


Reduce = Callable[[str, Outer], Tensor]


def norms(name: str, g: Outer) -> Tensor:
    """||g||_1 and ||g||_2^2: (N, V, 2), float64. Those of one outer product are the products of its sides' norms."""
    if g.left.shape[3] > 1:
        return g.summed(_norms)
    return _norms(g.left) * _norms(g.right.unsqueeze(1))


def _norms(g: Tensor) -> Tensor:
    """The norms of matrices, (N, V, O, K) -> (N, V, 2): sums over K in the network's own type, over O in float64."""
    return torch.stack([terms.sum(3).double().sum(2) for terms in (g.abs(), g.square())], dim=2)


def factored(layer: nn.Module, x: Tensor) -> bool:
    """Whether the gradients of a layer that gets x (N, ...) are outer products of it and of those of what it gives."""
    if type(layer) is nn.Conv2d:
        return (layer.groups, layer.padding_mode, type(layer.padding)) == (1, "zeros", tuple)
    return type(layer) is nn.Linear and x.ndim == 2


def outer(layer: nn.Module, x: Tensor, delta: Tensor) -> dict[str, Outer]:
    """By parameter, the gradients of a layer that gets x (N, ...); delta (N, V, ...) are those of what it gives."""
    if not factored(layer, x):
        every = each(layer, x, delta).items()
        return {name: Outer(g.reshape(*g.shape[:2], -1, 1), g.new_ones(len(g), 1, 1)) for name, g in every}
    if type(layer) is nn.Linear:
        left, right = delta.unsqueeze(3), x.unsqueeze(2)
    else:
        left, right = delta.flatten(3), F.unfold(x, layer.kernel_size, layer.dilation, layer.padding, layer.stride)
    found = {"weight": Outer(left, right)}
    if layer.bias is not None:
        found["bias"] = Outer(left.sum(3, keepdim=True), left.new_ones(len(left), 1, 1))
    return found


def each(layer: nn.Module, x: Tensor, delta: Tensor) -> dict[str, Tensor]:
    """The same for whatever a layer does with its own parameters, by torch.func: (N, V, *shape)."""

    def one(image: Tensor, delta: Tensor) -> dict[str, Tensor]:
        return gradient(layer, image[None], delta[None], recurse=False)

    return vmap(vmap(one, (None, 0)))(x, delta)


class Visit(NamedTuple):
    """A layer that a pass went through, what it got and what it gave."""

    layer: nn.Module
    x: Tensor
    output: Tensor


def visits(network: nn.Module, x: Tensor) -> tuple[Tensor, dict[str, Visit]]:
    """The logits of x (N, ...), and by name the layers that have parameters of their own.

    The graph begins at the first one's output, and holds no gradients of parameters. Raises Problem where a layer runs
    twice or gives several tensors, or a parameter belongs to two of them or to none that runs.
    """
    found: dict[str, Visit] = {}

    def keep(name: str, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        if name in found or not isinstance(output, Tensor):
            raise Problem(
                f"layer {name} of this network runs twice in a pass, or gives more than one tensor, which gradients "
                "for all parameters do not allow for. Leave gradients_deep and batchgrad_deep out of its benchmarks in "
                "config.yaml."
            )
        output = output if output.requires_grad else output.detach().requires_grad_()
        found[name] = Visit(layer, inputs[0].detach(), output)
        return output

    own = {name: layer for name, layer in network.named_modules() if list(layer.parameters(recurse=False))}
    with ExitStack() as hooks, torch.enable_grad():
        for name, layer in own.items():
            hooks.enter_context(layer.register_forward_hook(partial(keep, name)))
        z = network(x)
    met = sorted(id(part) for visit in found.values() for part in visit.layer.parameters(recurse=False))
    if met != sorted(id(part) for part in network.parameters()):
        raise Problem(
            "layers of this network share parameters, or some are used without running their layer, which gradients "
            "for all parameters do not allow for. Leave gradients_deep and batchgrad_deep out of its benchmarks in "
            "config.yaml."
        )
    return z, found


def held(visited: Collection[Visit], along: int) -> int:
    """Bytes of one image's pass along so many v: of outputs, and of the gradients that are held at the same time.

    Every output's are; those of parameters, which torch.func makes whole, are reduced layer by layer.
    """
    outputs = sum(visit.output.nbytes for visit in visited)
    whole = (visit.layer for visit in visited if not factored(visit.layer, visit.x))
    largest = max((sum(part.nbytes for part in layer.parameters(recurse=False)) for layer in whole), default=0)
    return (1 + along) * outputs + along * largest


def reduced(network: nn.Module, x: Tensor, v: np.ndarray, reduce: Reduce) -> dict[str, np.ndarray]:
    """Sums over the parameters of what ``reduce`` makes of their gradients, for as many images as fit into ``MEMORY``.

    x (N, ...), v (N, V, C). ``reduce`` gets a parameter's name and its gradients, and gives (N, V, R), float64.
    Returned is (N, V, R), for ``weight`` and for ``weight_and_bias``: a normalisation's scale is a weight, its shift a
    bias. ``network`` is in eval mode with frozen parameters and stays so. Raises Problem as ``visits`` does.
    """
    _, one = visits(network, x[:1])
    fit = max(1, MEMORY[x.device.type] // held(one.values(), v.shape[1]))
    chunks = zip(x.split(fit), torch.as_tensor(v).to(x).split(fit), strict=True)
    sums = torch.cat([_sums(network, *chunk, reduce) for chunk in chunks], dim=1)
    return dict(zip(("weight", "weight_and_bias"), sums.cpu().numpy(), strict=True))


def _sums(network: nn.Module, x: Tensor, v: Tensor, reduce: Reduce) -> Tensor:
    """Sums over weights and over all parameters: (2, N, V, R)."""
    z, visited = visits(network, x)
    outputs = [visit.output for visit in visited.values()]
    walks = [torch.autograd.grad(z, outputs, along, retain_graph=True) for along in v.unbind(1)]
    parts = {}
    for (name, visit), walked in zip(visited.items(), zip(*walks, strict=True), strict=True):
        for own, g in outer(visit.layer, visit.x, torch.stack(walked, dim=1)).items():
            of_network = f"{name}.{own}".removeprefix(".")  # the network itself may own some, under no layer's name
            parts[of_network] = reduce(of_network, g)
    weights = [part for name, part in parts.items() if not name.endswith("bias")]
    return torch.stack([sum(weights), sum(parts.values())])
