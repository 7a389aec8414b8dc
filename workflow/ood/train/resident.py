"""Images that stay on the device as uint8, a quarter of their size as float32; each batch is made there when needed."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ood.data.preprocessing import normalised, scaled
from ood.train.augmentation import Moves, moved


class Resident:
    """Labelled images on a device, and batches of them as a network's input.

    images: uint8 (N, H, W, C). labels: (N,) class indices. mean, std: by channel, of pixels in [0, 1].
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        size: int,
        mean: Sequence[float],
        std: Sequence[float],
        device: torch.device,
    ):
        self.device, self.size = device, size
        self.images = torch.from_numpy(images).to(device)
        self.labels = torch.from_numpy(labels).to(device)
        self.mean, self.std = torch.tensor(mean, device=device), torch.tensor(std, device=device)

    def __len__(self) -> int:
        return len(self.images)

    def inputs(self, part: Tensor, moves: Moves | None = None, shift: int = 0) -> Tensor:
        """float32 (n, C, size, size) of the images numbered ``part``, channels last in memory, each first moved."""
        x = scaled(self.images[part], self.size)
        if moves is not None:
            x = moved(x, moves, shift)
        return normalised(x, self.mean, self.std).contiguous(memory_format=torch.channels_last)


def accuracy(network: nn.Module, data: Resident) -> float:
    """Share of right top-1 predictions, in eval mode and float32."""
    network.eval()
    right = torch.zeros((), dtype=torch.int64, device=data.device)
    with torch.inference_mode():
        for part in torch.arange(len(data), device=data.device).split(256):
            right += (network(data.inputs(part)).argmax(1) == data.labels[part]).sum()
    return right.item() / len(data)
