"""Random shifts and mirror images, a whole batch at a time, on the device where the images lie.

A shift is what torchvision's RandomCrop(size, padding) does to a PIL image: black pixels move in, before the image is
normalised. (Zeros that move in afterwards would be the data's mean colour: another augmentation.)
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Moves(NamedTuple):
    """For each of N images, the place (top, left) of its crop in the padded image, and whether it is mirrored."""

    top: Tensor
    left: Tensor
    mirrored: Tensor

    @classmethod
    def draw(cls, count: int, shift: int, flip: bool, generator: torch.Generator) -> "Moves":
        """Moves of ``count`` images by up to ``shift`` pixels in each direction, half of them mirrored if ``flip``."""
        top, left = torch.randint(2 * shift + 1, (2, count), generator=generator)
        mirrored = torch.rand(count, generator=generator) < 0.5 if flip else torch.zeros(count, dtype=torch.bool)
        return cls(top, left, mirrored)

    def to(self, device: torch.device) -> "Moves":
        return Moves(*(values.to(device) for values in self))

    def split(self, batch: int) -> list["Moves"]:
        return [Moves(*parts) for parts in zip(*(values.split(batch) for values in self), strict=True)]


def moved(x: Tensor, moves: Moves, shift: int) -> Tensor:
    """Images (N, C, H, W), each moved and mirrored; zeros move in."""
    count, _, height, width = x.shape
    padded = F.pad(x, [shift] * 4).permute(0, 2, 3, 1)  # channels last, so that a pixel is copied as a whole
    rows = moves.top.view(-1, 1) + torch.arange(height, device=x.device)
    columns = moves.left.view(-1, 1) + torch.arange(width, device=x.device)
    columns = torch.where(moves.mirrored.view(-1, 1), columns.flip(1), columns)
    images = torch.arange(count, device=x.device).view(-1, 1, 1)
    return padded[images, rows.view(count, height, 1), columns.view(count, 1, width)].permute(0, 3, 1, 2)
