"""Handwritten digits: scikit-learn's copy of the UCI "Optical Recognition of Handwritten Digits" test set.

1,797 images of 8x8 pixels with grey values 0..16 (E. Alpaydin, C. Kaynak, UCI Machine Learning Repository, 1998).
With ``classes``, only those digits; labels are then positions in that list, as a network's outputs are.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from ood.datasets import Picture


def pictures(
    files: list[Path], count: int, rng: np.random.Generator, classes: list[int] | None = None
) -> Iterator[Picture]:
    """The first ``count`` digits among ``classes``, in the order of the set; no random choice."""
    digits = load_digits()
    order = {digit: position for position, digit in enumerate(classes or range(10))}
    chosen = [place for place, digit in enumerate(digits.target) if digit in order][:count]
    for place in chosen:
        pixels = np.round(digits.images[place] * (255 / 16)).astype(np.uint8)
        yield Picture(pixels, order[digits.target[place]], f"sklearn.digits[{place}]", (0, 0, 8, 8))
