"""From stored uint8 images to a network's input."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ood.pixels import moments

Constants = tuple[Sequence[float], Sequence[float]]


def constants(of_network: Constants | None, of_dataset: Constants | None, images: np.ndarray) -> Constants:
    """(mean, std) by channel to normalise with: the network's own, else the dataset's, else those of ``images``."""
    return of_network or of_dataset or moments(images)


def scaled(images: Tensor, size: int) -> Tensor:
    """uint8 (N, H, W, C) to float32 (N, C, size, size) in [0, 1], bilinear where the size is another."""
    x = images.permute(0, 3, 1, 2).float() / 255
    if x.shape[-2:] != (size, size):
        x = F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False)
    return x


def normalised(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(x - mean) / std of (N, C, H, W), with one mean and one std per channel."""
    return (x - mean.view(1, -1, 1, 1)) / std.view(1, -1, 1, 1)


def to_input(images: np.ndarray, size: int, mean: list[float], std: list[float]) -> Tensor:
    """uint8 (N, H, W, C) to float32 (N, C, size, size): bilinear, then (x / 255 - mean) / std by channel."""
    return normalised(scaled(torch.from_numpy(images), size), torch.tensor(mean), torch.tensor(std)).contiguous()
