"""MNIST (LeCun, Cortes, Burges): 28x28 grey digits, from the four original files in the IDX format."""

import gzip
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from ood.data.archives import REMEDY
from ood.datasets import Picture, counted, whole
from ood.errors import Problem

PREFIXES = {"train": "train", "test": "t10k"}


def idx(path: Path) -> np.ndarray:
    """A packed IDX file of unsigned bytes: two zeros, type 8, number of dimensions, each as 4 bytes, the values."""
    try:
        with gzip.open(path) as file:
            zeros, kind, dimensions = (int.from_bytes(file.read(size)) for size in (2, 1, 1))
            shape = [int.from_bytes(file.read(4)) for _ in range(dimensions)]
            values = np.frombuffer(file.read(int(np.prod(shape)) + 1), np.uint8)
    except (OSError, EOFError, zlib.error) as error:
        raise Problem(f"{path} is damaged or not packed: {error}. {REMEDY}") from None
    if (zeros, kind) != (0, 8) or values.size != np.prod(shape):
        raise Problem(f"{path} is no IDX file of unsigned bytes, or has not the length it claims. {REMEDY}")
    return values.reshape(shape)


def pictures(files: list[Path], count: int, rng: np.random.Generator, splits: list[str]) -> Iterator[Picture]:
    """The first ``count`` digits of ``splits``, in order."""
    return islice(_digits(files, splits), count)


def _digits(files: list[Path], splits: list[str]) -> Iterator[Picture]:
    for split in splits:
        images, labels = (
            idx(next(file for file in files if file.name.startswith(f"{PREFIXES[split]}-{what}")))
            for what in ("images", "labels")
        )
        counted(len(images), len(labels), files[0].parent)
        for place, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
            yield whole(image, label, f"mnist.{split}[{place}]", split)
