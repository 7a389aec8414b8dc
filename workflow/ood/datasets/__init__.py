"""Where images come from: one module per source format, each with one or both of two generators.

``pictures(files, count, rng, **options)`` yields a Picture per image, for sets that become arrays (ood.data.prepare),
in the set's order. ``encoded(files, count, rng, **options)`` yields an Encoded per image, for sets that stay encoded
pictures (ood.data.pack), in any order. ``resources/datasets.csv`` names for every dataset the source, its options, its
seed and its files; ``files`` is empty for the sources whose images come with a Python package.
"""

import importlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from ood.errors import Problem


class Picture(NamedTuple):
    """One image before it is brought to the dataset's size.

    pixels: uint8, (H, W) grey or (H, W, 3) colour. label: class index, -1 for out-of-distribution images. source: what
    it was taken from. box: left, top, width, height in the source, pixels. split: where the source says which.
    """

    pixels: np.ndarray
    label: int
    source: str
    box: tuple[int, int, int, int]
    split: str | None = None


class Encoded(NamedTuple):
    """One image that stays the file it is.

    packed: the file's bytes. label, split: as a Picture's. archive, member: where it was found, and under which name,
    which no other image of the dataset has.
    """

    packed: bytes
    label: int
    archive: str
    member: str
    split: str | None = None

    @property
    def source(self) -> str:
        return f"{self.archive}[{self.member}]"


def reader(source: str, kind: str) -> Callable[..., Iterator]:
    """A source's ``pictures`` or ``encoded``. Raises Problem when it has none."""
    module = importlib.import_module(f"ood.datasets.{source}")
    if not hasattr(module, kind):
        raise Problem(
            f"the source '{source}' has no function '{kind}', which its rule in workflow/resources/datasets.csv asks "
            "for. Give the dataset another: 'original' is for sources of encoded pictures, the others are for pixels."
        )
    return getattr(module, kind)


def whole(pixels: np.ndarray, label: int, source: str, split: str | None = None) -> Picture:
    """A picture that is all of its source."""
    return Picture(pixels, label, source, (0, 0, pixels.shape[1], pixels.shape[0]), split)


def counted(found: int, expected: int, place: object) -> None:
    """Raise Problem unless as many images were found as the table says."""
    if found != expected:
        raise Problem(
            f"{place} holds {found:,} images where workflow/resources/datasets.csv says {expected:,}. Fetch it again; "
            "if the origin has another release, add that as a row of its own."
        )
