"""Detectors: one module per method (family), each with a class ``Method``.

A method's fields are its hyper-parameters, as config.yaml may set them. It says what it ``consumes`` and maps images
to named columns of scores. **Higher score = more in-distribution**, always. To add a method: one file here, one line
under ``detectors`` in config.yaml.
"""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from ood.passes.consumed import Attributions, Features, Images, Labelled, LabelledImages

# All that a method's module needs.
__all__ = ["Attributions", "Detector", "Features", "Images", "Labelled", "LabelledImages", "method", "names"]


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
