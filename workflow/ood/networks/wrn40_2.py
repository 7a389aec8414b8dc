"""WRN-40-2: the second CIFAR network of GAIA's released code.

Zagoruyko and Komodakis, "Wide Residual Networks" (BMVC 2016): pre-activation basic blocks, three groups of six with
32, 64 and 128 channels behind a stem of 16, no dropout, global average pooling. Published checkpoints: GAIA's, and
those of wetliu/energy_ood, whose names differ only in two words.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from ood.networks import Classifier

CHANNELS = (16, 32, 64, 128)
BLOCKS = 6


class PreActBlock(nn.Module):
    """(N, C_in, H, W) -> (N, C_out, H/stride, W/stride); a projection sees the activation, an identity the input."""

    def __init__(self, channels_in: int, channels_out: int, stride: int):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, padding=1, bias=False)
        self.shortcut = None
        if channels_in != channels_out:
            self.shortcut = nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.bn1(x))
        residual = self.conv2(F.relu(self.bn2(self.conv1(active))))
        return residual + (x if self.shortcut is None else self.shortcut(active))


class Network(Classifier):
    """Normalised with the training set's mean and std. h: 128 components, all >= 0. 37 attribution layers."""

    input_size = 32
    renames = {r"^(block\d)\.layer\.": r"\1.", "convShortcut": "shortcut"}

    def __init__(self, classes: int):
        super().__init__()
        self.conv1 = nn.Conv2d(3, CHANNELS[0], 3, 1, padding=1, bias=False)
        for group, (before, after) in enumerate(zip(CHANNELS, CHANNELS[1:], strict=False), start=1):
            blocks = [PreActBlock(before, after, 1 if group == 1 else 2)]
            blocks += [PreActBlock(after, after, 1) for _ in range(BLOCKS - 1)]
            setattr(self, f"block{group}", nn.Sequential(*blocks))
        self.bn1 = nn.BatchNorm2d(CHANNELS[-1])
        self.fc = nn.Linear(CHANNELS[-1], classes)

    @property
    def head(self) -> nn.Linear:
        return self.fc

    def blocks(self) -> dict[str, nn.Module]:
        return {f"block{number}": getattr(self, f"block{number}") for number in (1, 2, 3)}

    def features(self, x: Tensor) -> Tensor:
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return F.adaptive_avg_pool2d(F.relu(self.bn1(x)), 1).flatten(1)
