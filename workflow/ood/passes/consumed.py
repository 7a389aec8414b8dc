"""What passes leave and detectors consume: features, attributions, or the network with its images."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np


class Features(NamedTuple):
    """What one forward pass leaves: h (N, D), z (N, C), the head's weight (C, D) and bias (C,); all float64."""

    h: np.ndarray
    z: np.ndarray
    weight: np.ndarray
    bias: np.ndarray


class Labelled(NamedTuple):
    """A split of the in-distribution set: its features, and the class of each image (N,), 0 to C - 1."""

    features: Features
    labels: np.ndarray


class Attributions(NamedTuple):
    """What one attribution pass leaves (ood.passes.attribution): per layer its name and channels, per statistic (N, L).

    ``late``: prefixes of the names of the network's late layers, none for all. ``final``: the last of ``layers``, where
    it is one that no default reads. ``blocks``: the prefixes of the names in each of the network's blocks.
    """

    features: Features
    layers: tuple[str, ...]
    late: tuple[str, ...]
    channels: np.ndarray
    statistics: dict[str, np.ndarray]
    final: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()


class Images(NamedTuple):
    """A frozen network in eval mode, its inputs, and the std by channel that these were divided by.

    ``batches`` gives tensors (n, channels, size, size) on the network's device, in the order of the images, from the
    start again each time it is iterated over. It reads as it goes: a method that keeps scores, not maps, works on any
    number of images.
    """

    network: Any
    batches: Iterable[Any]
    std: list[float]


class LabelledImages(NamedTuple):
    """What ``Labelled`` is for a method that consumes the network: a split's images in place of its features."""

    images: Images
    labels: np.ndarray
