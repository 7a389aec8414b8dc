"""Means of per-layer attribution statistics over named sets of layers."""

import numpy as np

from ood.errors import Problem
from ood.passes.consumed import Attributions
from ood.progress import log


def mean(images: Attributions, statistic: str, prefixes: tuple[str, ...] = ()) -> np.ndarray:
    """Mean of a squared per-channel statistic over all channels of the layers whose names start with a prefix: (N,).

    A prefix that is a layer's whole name stands for that layer alone: ``body.1`` is not ``body.11``. Layers weigh by
    their channels, as in the concatenation of all channels; no prefixes means all layers but the final one. Raises
    Problem when a prefix names no layer.
    """
    matched = [
        [name == prefix if prefix in images.layers else name.startswith(prefix) for name in images.layers]
        for prefix in prefixes
    ]
    for prefix, hits in zip(prefixes, matched, strict=True):
        if not any(hits):
            raise Problem(
                f"no attribution layer of this network starts with '{prefix}' (config.yaml, detectors.gaia_*.layers): "
                f"it has {', '.join(images.layers)}."
            )
    chosen = np.any(matched, axis=0) if prefixes else ~np.isin(images.layers, images.final)
    weights = images.channels * chosen
    return images.statistics[statistic] @ (weights / weights.sum())


def log_silent(scores: np.ndarray) -> None:
    """Say for how many images (N,) no gradient is left at any layer: their score of 0 is the highest there is."""
    if silent := int((scores == 0).sum()):
        said = "%d of %d images have no gradient at any of the layers: they score 0, more than all others"
        log.info(said, silent, len(scores))


def of_blocks(images: Attributions) -> dict[str, tuple[str, ...]]:
    """Prefixes for ``mean``, by column: each block alone (``block=...``), and with all that follow (``from=...``).

    Layers between the blocks and behind the last, as DenseNets' transitions, are in neither. The last block has one
    column. Blocks without an attribution layer do not count, and a single one is no choice: {}.
    """
    blocks = [prefix for prefix in images.blocks if any(name.startswith(prefix) for name in images.layers)]
    names = [prefix.rstrip(".") for prefix in blocks]
    alone = {f"block={name}": (prefix,) for name, prefix in zip(names, blocks, strict=True)}
    onward = {f"from={name}": tuple(blocks[place:]) for place, name in enumerate(names[:-1])}
    return alone | onward if len(blocks) > 1 else {}
