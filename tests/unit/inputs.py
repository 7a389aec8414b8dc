"""What a network's input is, in the plainest way, to compare the ways of making it with."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def to_input(images: np.ndarray, size: int, mean: list[float], std: list[float]) -> Tensor:
    """uint8 (N, H, W, C) to float32 (N, C, size, size): bilinear, then (x / 255 - mean) / std by channel."""
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    if x.shape[-2:] != (size, size):
        x = F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False)
    return (x - torch.tensor(mean).view(1, -1, 1, 1)) / torch.tensor(std).view(1, -1, 1, 1)
