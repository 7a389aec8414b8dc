"""Gradients of the logits for all parameters of a network, image by image.

With z (C,) one image's logits, the gradient of log p_y is that of v . z along the constant v = e_y - p: every score of
Igoe et al., "How Useful are Gradients for OOD Detection Really?" (2022), is a sum over the parameters' gradients along
a few v. torch.func computes them for many images and v at once; layer by layer with hooks and matrix products is no
faster on a CPU.

Gradients are as exact as the network's own type, v comes from float64 probabilities, so that e_y - p keeps its digits
for a certain prediction, and sums over parameters are float64.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vjp, vmap

from ood.passes.terms import complement

# Bytes of gradients at a time, and half as many of their copies in float64; the activations come on top. 2 images of
# 270,000 parameters and 11 directions: more does not stay in a CPU's cache, nor in memory that is used again.
MEMORY = {"cpu": 2**25, "cuda": 2**31}


def logits(network: nn.Module, x: Tensor) -> np.ndarray:
    """z (N, C), float64."""
    with torch.inference_mode():
        return network(x).double().cpu().numpy()


def errors(p: np.ndarray) -> np.ndarray:
    """e_y - p for every y: (N, C) -> (N, C, C)."""
    every = np.repeat(-p[:, np.newaxis], p.shape[1], axis=1)
    every[:, *np.diag_indices(p.shape[1])] = complement(p)
    return every


def gradient(network: nn.Module, x: Tensor, v: Tensor) -> dict[str, Tensor]:
    """Of sum_n v_n . z_n for every parameter, by name: x (N, ...), v (N, C). The network may be frozen and stays so."""
    parameters = dict(network.named_parameters())
    _, pull_back = vjp(lambda parameters: functional_call(network, parameters, (x,)), parameters)
    return pull_back(v)[0]


def each(network: nn.Module, x: Tensor, v: Tensor) -> dict[str, Tensor]:
    """The gradient of every image along every v: x (N, ...), v (N, V, C), parameter's name -> (N, V, *shape)."""

    def one(image: Tensor, v: Tensor) -> dict[str, Tensor]:
        return gradient(network, image[None], v[None])

    return vmap(vmap(one, (None, 0)))(x, v)


def norms(name: str, g: Tensor) -> Tensor:
    """||g||_1 and ||g||_2^2 of every row: (R, size) -> (R, 2)."""
    return torch.stack([torch.linalg.vector_norm(g, 1, dim=1), torch.linalg.vector_norm(g, 2, dim=1).square()], dim=1)


def reduced(
    network: nn.Module, x: Tensor, v: np.ndarray, reduce: Callable[[str, Tensor], Tensor]
) -> dict[str, np.ndarray]:
    """Sums over the parameters of what ``reduce`` makes of their gradients, in chunks that fit into ``MEMORY``.

    x (N, ...), v (N, V, C). ``reduce`` gets a parameter's name and gradients (R, size), float64, a row for an image and
    a v, and gives (R, K). Returned is (N, V, K), for ``weight`` and for ``weight_and_bias``: a normalisation's scale is
    a weight, its shift a bias. A single gradient that is larger than ``MEMORY`` is computed all the same.
    """
    memory = MEMORY[x.device.type]
    fit = max(1, memory // sum(part.nbytes for part in network.parameters()))
    directions = torch.as_tensor(v).to(x)
    rows = []
    for images, along in zip(*(part.split(max(1, fit // v.shape[1])) for part in (x, directions)), strict=True):
        pieces = [_sums(each(network, images, some), reduce, memory // 2) for some in along.split(fit, dim=1)]
        rows.append(torch.cat(pieces, dim=2))
    return dict(zip(("weight", "weight_and_bias"), torch.cat(rows, dim=1).cpu().numpy(), strict=True))


def _sums(gradients: dict[str, Tensor], reduce: Callable, memory: int) -> Tensor:
    """Sums over weights and over all parameters: (2, N, V, K)."""
    parts = {}
    for name, g in gradients.items():
        rows = g.flatten(2).flatten(0, 1).split(max(1, memory // (8 * g[0, 0].numel())))
        parts[name] = torch.cat([reduce(name, some.double()) for some in rows]).unflatten(0, g.shape[:2])
    weights = [part for name, part in parts.items() if not name.endswith("bias")]
    return torch.stack([sum(weights), sum(parts.values())])
