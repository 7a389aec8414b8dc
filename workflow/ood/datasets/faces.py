"""Faces: the first 100 images of scikit-image's LFW subset (25x25 grey; the other 100 are no faces).

From "Labeled Faces in the Wild" (Huang et al., 2007), as documented in ``skimage.data.lfw_subset``.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import skimage.data

from ood.datasets import Picture


def pictures(files: list[Path], count: int, rng: np.random.Generator) -> Iterator[Picture]:
    """The first ``count`` (at most 100) faces, in order; no random choice."""
    for place, face in enumerate(skimage.data.lfw_subset()[: min(count, 100)]):
        yield Picture(np.round(face * 255).astype(np.uint8), -1, f"lfw_subset[{place}]", (0, 0, 25, 25))
