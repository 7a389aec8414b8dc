"""Where images come from: one module per source, each with ``pictures(count, rng, **options)``.

``resources/datasets.csv`` names the source, its options and its seed for every dataset.
"""

from typing import NamedTuple

import numpy as np


class Picture(NamedTuple):
    """One image before it is brought to the dataset's size.

    pixels: uint8, (H, W), grey. label: class index, -1 for out-of-distribution images. source: what it was taken
    from. box: left, top, width, height in the source, pixels.
    """

    pixels: np.ndarray
    label: int
    source: str
    box: tuple[int, int, int, int]
