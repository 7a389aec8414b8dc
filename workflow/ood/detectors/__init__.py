"""Detectors: one module per method (family), each with a class ``Method``.

A method's fields are its hyper-parameters, as config.yaml may set them. It says what it ``consumes`` and maps images
to named columns of scores. **Higher score = more in-distribution**, always. To add a method: one file here, one line
under ``detectors`` in config.yaml.
"""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict


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


class Detector(BaseModel, ABC):
    """The base of every method.

    ``consumes`` names what ``score`` gets: Features, Attributions or Images. ``default`` is the column that stands
    for the method where a table has one row for it, ``gradient`` whether it is made of gradients with respect to
    activations or parameters, computed or in closed form. ``fit`` is called if ``needs_train``, with LabelledImages if
    the network is consumed, and what it returns is handed to ``score``. One that ``needs_blocks``, for its scores or
    for the figures of them, is only for networks that have blocks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    consumes: ClassVar[Literal["features", "attributions", "network"]] = "features"
    needs_train: ClassVar[bool] = False
    gradient: ClassVar[bool] = False
    needs_blocks: ClassVar[bool] = False
    default: ClassVar[str]

    def fit(self, train: Labelled | LabelledImages, test: Labelled | LabelledImages) -> Any:
        """What the method learns from the in-distribution set.

        ``test`` holds images that are scored later: it is for named variants that repeat a released code which fits on
        them, never for a default.
        """
        raise NotImplementedError

    @abstractmethod
    def score(self, images: Any, fitted: Any) -> dict[str, np.ndarray]:
        """Columns of scores (N,), higher = more in-distribution."""


def names() -> list[str]:
    """Every method, by file name."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def method(name: str) -> Callable[..., Detector]:
    """The class of a method."""
    return importlib.import_module(f"ood.detectors.{name}").Method
