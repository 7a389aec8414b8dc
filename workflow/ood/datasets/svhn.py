"""SVHN, cropped digits (Netzer et al., "Reading Digits in Natural Images with Unsupervised Feature Learning", 2011).

Read from the authors' MATLAB files (version 5, which hold arrays and nothing that runs), where the digit 0 has label
10, or from columns of lossless pictures with a file of labels. Labels come out as 0 to 9.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from ood.data.archives import REMEDY, strips
from ood.datasets import Picture, counted, whole
from ood.errors import Problem


def _matlab(file: Path) -> tuple[np.ndarray, np.ndarray]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        stored = loadmat(file, variable_names=["X", "y"])
        return np.ascontiguousarray(stored["X"].transpose(3, 0, 1, 2)), stored["y"].ravel() % 10
    except (MatReadError, ValueError, KeyError, OSError, TypeError) as error:
        raise Problem(f"{file} is no MATLAB file with X and y: {error}. {REMEDY}") from None


def _columns(files: list[Path], split: str) -> tuple[np.ndarray, np.ndarray]:
    labels = np.load(next(file for file in files if file.suffix == ".npz"), allow_pickle=False)[f"{split}_labels"]
    archive = next(file for file in files if file.name.startswith(split))
    images = strips(archive)
    counted(len(images), len(labels), archive)
    return images, labels


def pictures(files: list[Path], count: int, rng: np.random.Generator, splits: list[str]) -> Iterator[Picture]:
    """The first ``count`` digits of ``splits``, in order."""
    return islice(_digits(files, splits), count)


def _digits(files: list[Path], splits: list[str]) -> Iterator[Picture]:
    columns = any(file.suffix == ".npz" for file in files)
    for split in splits:
        named = next(file for file in files if file.name.startswith(split))
        images, labels = _columns(files, split) if columns else _matlab(named)
        for place, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
            yield whole(image, label, f"svhn.{split}[{place}]", split)
