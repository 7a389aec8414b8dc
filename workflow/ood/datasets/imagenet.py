"""ImageNet-1k (ILSVRC 2012): Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", IJCV 2015.

From the three official files: the validation images in one tar, the training images in a tar of one tar per class, and
the development kit with the validation images' labels. A class's index is the place of its WordNet id among the sorted
ids of the 1,000 classes, as in torchvision and its weights; the kit numbers classes in another order.
"""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from ood.data.archives import REMEDY, members, walk
from ood.datasets import Encoded, counted
from ood.errors import Problem

KIT = "ILSVRC2012_devkit_t12"
META, TRUTH = "meta.mat", "ILSVRC2012_validation_ground_truth.txt"


def _kit(archive: Path) -> tuple[list[str], list[int]]:
    """The sorted WordNet ids of the classes, and the class index of each validation image."""
    found = members(archive, [f"{KIT}/data"])
    missing = [name for name in (META, TRUTH) if name not in found]
    if missing:
        raise Problem(f"{archive} has no {KIT}/data/{missing[0]}. {REMEDY}")
    try:
        synsets = np.atleast_1d(loadmat(io.BytesIO(found[META]), squeeze_me=True)["synsets"])
        leaves = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in synsets if row["num_children"] == 0}
        classes = sorted(leaves.values())
        return classes, [classes.index(leaves[int(number)]) for number in found[TRUTH].split()]
    except (MatReadError, ValueError, KeyError, OSError, TypeError) as error:
        raise Problem(f"{archive}: {META} and {TRUTH} do not go together or are damaged ({error}). {REMEDY}") from None


def _validation(archive: Path, labels: list[int]) -> Iterator[Encoded]:
    """Image ``number``, counted from 1, has the kit's label in that line."""
    known = {f"ILSVRC2012_val_{number:08d}.JPEG": label for number, label in enumerate(labels, 1)}
    found = 0
    for found, (name, packed) in enumerate(walk(archive, ["."]), 1):  # noqa: B007  (counted below)
        if name not in known:
            raise Problem(f"{archive}: '{name}' is none of the {len(known):,} validation images. {REMEDY}")
        yield Encoded(packed, known[name], archive.name, name, "test")
    counted(found, len(known), archive)


def _training(archive: Path, classes: list[str], per_class: int, rng: np.random.Generator) -> Iterator[Encoded]:
    """``per_class`` images of each class, drawn without replacement; each class has its own random numbers."""
    generators = dict(zip(classes, rng.spawn(len(classes)), strict=True))
    for name, inner in walk(archive, ["."]):
        wnid = name.removesuffix(".tar")
        if wnid not in generators:
            raise Problem(f"{archive}: '{name}' is no class of {KIT}, or is there twice. {REMEDY}")
        place = archive / name
        names = sorted({image for image, _ in walk(place, ["."], inner)})
        if len(names) < per_class:
            raise Problem(f"{place} holds {len(names)} images, fewer than per_class ({per_class}). {REMEDY}")
        chosen = set(generators.pop(wnid).choice(names, per_class, replace=False).tolist())
        for image, packed in walk(place, ["."], inner):
            if image in chosen:
                yield Encoded(packed, classes.index(wnid), archive.name, f"{wnid}/{image}", "train")
    if generators:
        raise Problem(f"{archive} has no {next(iter(generators))}.tar, {len(generators)} classes are missing. {REMEDY}")


def encoded(files: list[Path], count: int, rng: np.random.Generator, per_class: int) -> Iterator[Encoded]:
    """The validation images as the split ``test``, and ``per_class`` training images of each class as ``train``.

    At most one class of training images is in memory. Raises Problem for images or classes that are missing, or that
    the development kit does not know.
    """
    validation, training, kit = (
        next(file for file in files if part in file.name) for part in ("_img_val", "_img_train", "_devkit")
    )
    classes, labels = _kit(kit)
    yield from _validation(validation, labels)
    yield from _training(training, classes, per_class, rng)
