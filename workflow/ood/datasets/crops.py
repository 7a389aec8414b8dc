"""Random square crops of the photographs, scans and textures that scikit-image and scikit-learn ship."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image
from sklearn.datasets import load_sample_image

from ood.datasets import Picture
from ood.errors import Problem

SCIKIT_LEARN = ("china", "flower")


def _grey(name: str) -> np.ndarray:
    """A bundled picture by name as grey uint8 (H, W), by the luminance formula of ITU-R 601 (PIL mode L)."""
    if name in SCIKIT_LEARN:
        pixels = load_sample_image(f"{name}.jpg")
    elif name in skimage.data.__all__:
        pixels = getattr(skimage.data, name)()
    else:
        raise Problem(f"workflow/resources/datasets.csv: no bundled picture '{name}' in scikit-image or scikit-learn.")
    return np.asarray(Image.fromarray(pixels).convert("L"))


def pictures(
    files: list[Path],
    count: int,
    rng: np.random.Generator,
    names: list[str],
    sides: tuple[int, int],
    minimum_std: float = 0,
) -> Iterator[Picture]:
    """``count`` crops, each of a uniformly drawn picture, side (uniform in ``sides``, inclusive) and place.

    Crops whose grey values have a standard deviation under ``minimum_std`` (empty sky, blank paper) are drawn again.
    """
    greys = {name: _grey(name) for name in names}
    while count:
        name = names[rng.integers(len(names))]
        height, width = greys[name].shape
        side = int(min(rng.integers(sides[0], sides[1] + 1), height, width))
        left, top = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
        crop = greys[name][top : top + side, left : left + side]
        if crop.std() >= minimum_std:
            count -= 1
            yield Picture(crop, -1, name, (left, top, side, side))
