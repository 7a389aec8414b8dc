"""Batches of a prepared set as a network's input, in a given order: from an array (images.npy), or a pack (images.tar).

An array's images are of one size already. A pack's pictures are decoded by worker processes, ahead of the network, and
brought to its input as its ``preprocessing`` says, on 8-bit values, as torchvision's Resize and CenterCrop do with PIL:

========== ============================================================================================================
squash     both sides to ``size``, bilinear: how the codes behind the ImageNet numbers feed BiT
short_side the short side to 256, bilinear, then the central 224 x 224; for another ``size`` in the same ratio
========== ============================================================================================================

No result depends on the number of workers or, beyond rounding, on the size of a batch.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ood.data.archives import picture
from ood.data.index import column
from ood.data.preprocessing import Constants, normalised, scaled
from ood.errors import Problem
from ood.networks import Classifier

BILINEAR = Image.Resampling.BILINEAR


class Form(NamedTuple):
    """A network's input: its side in pixels, mean and std by channel, and its preprocessing, None if it has none."""

    size: int
    mean: Sequence[float]
    std: Sequence[float]
    preprocessing: str | None

    @classmethod
    def of(cls, network: Classifier, card: dict, own: Constants | None = None) -> "Form":
        """A checkpoint's, from its network and card; ``own``: constants that a set has whatever network sees it."""
        return cls(card["size"], *(own or (card["mean"], card["std"])), network.preprocessing)


def squash(image: Image.Image, size: int) -> Image.Image:
    """The whole picture brought to size x size, whatever its shape."""
    return image.resize((size, size), BILINEAR)


def short_side(image: Image.Image, size: int) -> Image.Image:
    """The short side brought to 256 of 224 parts of ``size``, then the centre."""
    short, side = min(image.size), size * 256 // 224
    image = image.resize([int(side * length / short) for length in image.size], BILINEAR)
    left, top = (round((length - size) / 2) for length in image.size)
    return image.crop((left, top, left + size, top + size))


PREPROCESSING: dict[str, Callable[[Image.Image, int], Image.Image]] = {"squash": squash, "short_side": short_side}


def is_pack(images: Path) -> bool:
    """Whether a prepared set is a tar of encoded pictures, and no array."""
    return images.suffix == ".tar"


class Pack(Dataset):
    """Decoded pictures of a pack, uint8 (size, size, 3), in the order of ``rows``.

    One that cannot be decoded is a Problem that says which: as a value, because an exception would come out of a
    worker process as the text of a traceback.
    """

    def __init__(self, images: Path, index: Path, rows: np.ndarray, form: Form):
        if form.preprocessing is None:
            raise Problem(
                f"{images} holds pictures of any size, and the network does not say how one becomes its input. Give "
                f"its class in workflow/ood/networks a 'preprocessing': {' or '.join(PREPROCESSING)}."
            )
        self.images, self.size, self.fit = images, form.size, PREPROCESSING[form.preprocessing]
        self.offset, self.length, self.source = (column(index, name)[rows] for name in ("offset", "length", "source"))

    @cached_property
    def file(self) -> BinaryIO:
        """Each worker process's own, opened there."""
        return self.images.open("rb")

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, place: int) -> np.ndarray | Problem:
        self.file.seek(self.offset[place])
        try:
            image = picture(self.file.read(self.length[place]), f"{self.images}: {self.source[place]}")
        except Problem as problem:
            return problem
        return np.asarray(self.fit(image.convert("RGB"), self.size))


def _stacked(images: list[np.ndarray | Problem]) -> Tensor | Problem:
    broken = next((image for image in images if isinstance(image, Problem)), None)
    return broken or torch.from_numpy(np.stack(images))


def _slices(images: Path, rows: np.ndarray, batch: int) -> Iterator[Tensor]:
    pixels = np.load(images, mmap_mode="r")
    for start in range(0, len(rows), batch):
        yield torch.from_numpy(pixels[rows[start : start + batch]])


def batches(
    images: Path, index: Path, rows: np.ndarray, form: Form, batch: int, device: torch.device, workers: int
) -> Iterator[Tensor]:
    """float32 (n, C, size, size) on the device, channels last in memory, of the images numbered ``rows``, in order.

    n is ``batch``, in the last one what is left; ``workers`` processes decode, or with 0 this one. Raises Problem for a
    picture that cannot be decoded, naming it.
    """
    if is_pack(images):
        pack = Pack(images, index, rows, form)
        pinned = device.type == "cuda"
        parts = DataLoader(pack, batch, num_workers=workers, collate_fn=_stacked, pin_memory=pinned)
    else:
        parts = _slices(images, rows, batch)
    mean, std = torch.tensor(form.mean, device=device), torch.tensor(form.std, device=device)
    for part in parts:
        if isinstance(part, Problem):
            raise part
        x = normalised(scaled(part.to(device, non_blocking=True), form.size), mean, std)
        yield x.contiguous(memory_format=torch.channels_last)


def job_workers() -> int:
    """How many processes may decode pictures in this job.

    Its environment says so, not its parameters: another number changes no result, so it must make nothing stale.
    """
    return int(os.environ.get("OOD_WORKERS", "0"))
