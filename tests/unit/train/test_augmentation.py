"""Augmentation: what torchvision's transforms make of PIL images with the same random numbers, and every move drawn."""

import numpy as np
import pytest
import torch
from inputs import to_input
from PIL import Image
from torchvision.transforms import functional as pil

from ood.train.augmentation import Moves
from ood.train.resident import Resident

MEAN, STD = [0.2, 0.4, 0.6], [0.3, 0.5, 0.7]
IMAGES = np.random.default_rng(0).integers(0, 256, (60, 6, 6, 3), dtype=np.uint8)
DATA = Resident(IMAGES, np.arange(60), 6, MEAN, STD, torch.device("cpu"))
EVERY = torch.arange(60)


def by_torchvision(image: np.ndarray, top: int, left: int, mirrored: bool, shift: int) -> torch.Tensor:
    crop = pil.crop(pil.pad(Image.fromarray(image), shift), top, left, 6, 6)
    return pil.normalize(pil.to_tensor(pil.hflip(crop) if mirrored else crop), MEAN, STD)


@pytest.mark.parametrize("shift, flip", [(2, True), (4, False), (0, True), (0, False)])
def test_a_batch_is_torchvisions_crop_flip_and_normalise(shift, flip):
    moves = Moves.draw(60, shift, flip, torch.Generator().manual_seed(0))
    expected = [by_torchvision(image, *map(int, move), shift) for image, *move in zip(IMAGES, *moves, strict=True)]
    torch.testing.assert_close(DATA.inputs(EVERY, moves, shift), torch.stack(expected), rtol=0, atol=1e-6)


def test_every_move_is_drawn_and_repeats_with_its_seed():
    moves = Moves.draw(2000, 1, True, torch.Generator().manual_seed(1))
    counts = torch.stack(moves).unique(dim=1, return_counts=True)[1]
    assert len(counts) == 18 and counts.sum() == 2000  # 3 x 3 places, mirrored or not
    assert ((counts - 2000 / 18) ** 2 / (2000 / 18)).sum() < 40.8  # chi-square, 17 degrees of freedom, p = 0.001
    again = Moves.draw(2000, 1, True, torch.Generator().manual_seed(1))
    assert all(torch.equal(first, second) for first, second in zip(moves, again, strict=True))
    assert [len(part.top) for part in moves.split(768)] == [768, 768, 464]


@pytest.mark.parametrize("size", [6, 9])
def test_without_moves_a_batch_is_what_extraction_sees(size):
    data = Resident(IMAGES, np.arange(60), size, MEAN, STD, torch.device("cpu"))
    batch = data.inputs(EVERY[10:20])
    assert torch.equal(batch, to_input(IMAGES[10:20], size, MEAN, STD))
    assert batch.is_contiguous(memory_format=torch.channels_last)
