"""CIFAR-10 and CIFAR-100 (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009).

Read from the authors' binary archives, which need no unpickling, or from columns of lossless pictures with a file of
labels; both give the same images in the official order. Labels are the official ones (of CIFAR-100 the fine ones).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ood.data.archives import REMEDY, members, strips
from ood.datasets import Picture, counted, whole
from ood.errors import Problem

# classes -> folder, bytes of labels before each image, files of each split
BINARY = {
    10: (
        "cifar-10-batches-bin",
        1,
        {"train": [f"data_batch_{number}.bin" for number in range(1, 6)], "test": ["test_batch.bin"]},
    ),
    100: ("cifar-100-binary", 2, {"train": ["train.bin"], "test": ["test.bin"]}),
}


def _binary(archive: Path, classes: int, splits: list[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Records of label bytes (CIFAR-100: coarse, then fine) and three 32x32 colour planes."""
    folder, label_bytes, names = BINARY[classes]
    found = members(archive, [folder])
    missing = [name for split in splits for name in names[split] if name not in found]
    if missing:
        raise Problem(f"{archive} has no {folder}/{missing[0]}. {REMEDY}")
    sets = {}
    for split in splits:
        records = np.frombuffer(b"".join(found[name] for name in names[split]), np.uint8).reshape(
            -1, label_bytes + 3072
        )
        planes = records[:, label_bytes:].reshape(-1, 3, 32, 32)
        sets[split] = np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, label_bytes - 1]
    return sets


def _columns(files: list[Path], classes: int, splits: list[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """One archive of lossless columns per split, and the labels of all images in a meta.npz."""
    meta = np.load(next(file for file in files if file.suffix == ".npz"), allow_pickle=False)
    labels = {split: meta[f"{split}_labels" if classes == 10 else f"{split}_fine_labels"] for split in splits}
    sets = {}
    for split in splits:
        archive = next(file for file in files if file.name.startswith(split))
        if "subset" in archive.name:
            labels[split] = labels[split][meta[f"{split}_subset_index"]]
        sets[split] = strips(archive), labels[split]
        counted(len(sets[split][0]), len(labels[split]), archive)
    return sets


def pictures(
    files: list[Path],
    count: int,
    rng: np.random.Generator,
    classes: int,
    splits: list[str],
    per_class: dict[str, int] | None = None,
    without: dict[str, list[int]] | None = None,
) -> Iterator[Picture]:
    """The images of ``splits``, in order; of each class only the first ``per_class[split]`` if that is given.

    without: by split the places of images that are left out, as one of another set that this one is compared with.
    """
    left_out = {(split, place) for split, places in (without or {}).items() for place in places}
    sets = _columns(files, classes, splits) if len(files) > 1 else _binary(files[0], classes, splits)
    for split, (images, labels) in sets.items():
        seen = np.zeros(classes, dtype=int)
        for place, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
            seen[label] += 1
            if (split, place) not in left_out and (per_class is None or seen[label] <= per_class[split]):
                yield whole(image, label, f"cifar{classes}.{split}[{place}]", split)
