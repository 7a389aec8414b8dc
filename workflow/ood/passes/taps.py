"""The mean of a network's feature map at the ends of its stem and blocks, in a pass that goes no deeper than asked."""

from contextlib import ExitStack, suppress
from typing import Any

from ood.errors import Problem

STEM = "stem"


class _Reached(Exception):
    """Ends a pass whose rest nobody reads."""


def taps(network: Any, x: Any, until: str | None = None) -> dict[str, Any]:
    """The spatial mean of what the first block gets, the stem's output, and of every block's output, by name.

    Images x (N, channels, H, W) give tensors (N, K), in float64. The pass ends with ``until``, by default
    with the last block. Raises Problem for a network without blocks.
    """
    blocks, found = network.blocks(), {}
    if not blocks:
        raise Problem(
            "detector mahalanobis_layers: this network has no blocks, at whose ends it could read. Give its benchmark "
            "in config.yaml a list of detectors without mahalanobis_layers."
        )
    last = until or list(blocks)[-1]

    def keep(name: str, maps: Any) -> None:
        found[name] = maps.mean((2, 3)).double()
        if name == last:
            raise _Reached

    first = next(iter(blocks.values()))
    with ExitStack() as hooks, suppress(_Reached):
        hooks.enter_context(first.register_forward_pre_hook(lambda module, inputs: keep(STEM, inputs[0])))
        for name, block in blocks.items():
            after = block.register_forward_hook(lambda module, inputs, maps, name=name: keep(name, maps))
            hooks.enter_context(after)
        network(x)
    return found
