"""RankFeat: the energy that is left when the largest rank-1 part of a feature map is taken away.

Song et al., "RankFeat: Rank-1 Feature Removal for Out-of-distribution Detection" (NeurIPS 2022). An image's map at the
end of a block, as a matrix F (channels, positions), becomes F - s u v^T with its largest singular triple (s, u, v); the
network goes on from there, and the score is log sum_k exp z_k. Consumes the network, which must have two blocks
(ood.networks): one forward pass, whose part behind a block is run on the changed maps too.

Columns: ``final`` (default) changes the last block's output, as GAIA does (BiT and ResNet34: block 4); ``previous``
that of the block before it (block 3); ``both`` averages the logits of these two, which is the released code's default
(KingJamesSong/RankFeat). The plain names have the exact triple, those with `` power`` find it by ``iterations`` power
iterations, 20 as in the paper, from a random vector: the same for all images, so that no score depends on chance.

One vector is enough, since s u v^T = F v v^T = u u^T F: v is the leading eigenvector of F^T F, u that of F F^T, and the
smaller of the two matrices is taken, in float64.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import numpy as np
from pydantic import Field

from ood.detectors import Detector, Images
from ood.errors import Problem
from ood.passes import terms


def leading(gram):
    """Eigenvectors (N, S) to the largest eigenvalues of symmetric matrices (N, S, S)."""
    import torch  # in the functions, so that reading the configuration does not load torch

    return torch.linalg.eigh(gram).eigenvectors[..., -1]


def powered(gram, iterations: int):
    """The same by power iterations. A zero matrix has a zero vector."""
    import torch
    from torch.nn.functional import normalize

    start = torch.randn(gram.shape[-1], dtype=gram.dtype, generator=torch.Generator().manual_seed(0))
    v = start.to(gram.device).expand(gram.shape[:-1])
    for _ in range(iterations):
        v = normalize((gram @ v[..., None])[..., 0], dim=-1, eps=torch.finfo(gram.dtype).tiny)
    return v


def without_rank_one(maps, direction: Callable):
    """Maps (N, K, H, W) without their part along the ``direction`` of their Gram matrix."""
    f = maps.flatten(2).double()
    if f.shape[1] < f.shape[2]:
        u = direction(f @ f.mT)[..., None]
        rest = f - u @ (u.mT @ f)
    else:
        v = direction(f.mT @ f)[..., None]
        rest = f - (f @ v) @ v.mT
    return rest.reshape(maps.shape).to(maps.dtype)


def logits(network, blocks: list, directions: list[Callable], x) -> np.ndarray:
    """Logits of x (N, ...) after the removal at each block along each direction: (blocks * directions, N, C), float64.

    At a block the changed maps join the batch, in which no image sees another, and go the rest of the way with it.
    """
    import torch

    def join(module, inputs, output):
        return torch.cat([output, *(without_rank_one(output[: len(x)], direction) for direction in directions)])

    with ExitStack() as hooks, torch.inference_mode():
        for block in blocks:
            hooks.enter_context(block.register_forward_hook(join))
        z = network(x)
    return z.view(-1, len(x), z.shape[1])[1:].double().cpu().numpy()  # the first are those of the unchanged maps


class Method(Detector):
    consumes = "network"
    needs_blocks = True
    default = "final"

    iterations: int = Field(20, gt=0)

    def score(self, images: Images, fitted: None) -> dict[str, np.ndarray]:
        blocks = list(images.network.blocks().values())[-2:]
        if len(blocks) < 2:
            raise Problem(
                "detector rankfeat: this network does not have two blocks, whose output could be changed. Give its "
                "benchmark in config.yaml a list of detectors without rankfeat."
            )
        directions = [leading, partial(powered, iterations=self.iterations)]
        parts = [logits(images.network, blocks, directions, x) for x in images.batches]
        previous, previous_power, final, final_power = np.concatenate(parts, axis=1)
        columns = {}
        for suffix, last, before in (("", final, previous), (" power", final_power, previous_power)):
            columns[f"final{suffix}"] = terms.energy(last)
            columns[f"previous{suffix}"] = terms.energy(before)
            columns[f"both{suffix}"] = terms.energy((last + before) / 2)
        return columns
