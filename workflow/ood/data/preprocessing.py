"""From stored uint8 images to a network's input."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

Constants = tuple[Sequence[float], Sequence[float]]


def scaled(images: Tensor, size: int) -> Tensor:
    """uint8 (N, H, W, C) to float32 (N, C, size, size) in [0, 1], bilinear where the size is another."""
    x = images.permute(0, 3, 1, 2).float() / 255
    if x.shape[-2:] != (size, size):
        x = F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False)
    return x


def normalised(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(x - mean) / std of (N, C, H, W), with one mean and one std per channel."""
    return (x - mean.view(1, -1, 1, 1)) / std.view(1, -1, 1, 1)
