"""ResNet-20 to ResNet-110 for CIFAR-10, with parameter-free shortcuts (option A).

He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016), Section 4.2: three groups of (depth - 2) / 6
basic blocks with 16, 32 and 64 channels; where the side halves, the shortcut takes every second pixel and fills the
new channels with zeros. Checkpoints: akamaster/pytorch_resnet_cifar10; 91.73 % (depth 20) and 93.39 % (depth 56) of
the test images right.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from ood.errors import Problem
from ood.networks import IMAGENET, Classifier

CHANNELS = (16, 32, 64)


class BasicBlock(nn.Module):
    """(N, C_in, H, W) -> (N, C_out, H/stride, W/stride)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.stride, self.new_channels = stride, channels_out - channels_in

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.bn1(self.conv1(x)))
        each_side = self.new_channels // 2
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, each_side, each_side))
        return F.relu(self.bn2(self.conv2(inner)) + shortcut)


class Network(Classifier):
    """h: 64 components, all >= 0. Attribution layers: depth - 1 BatchNorm."""

    input_size = 32
    normalisation = IMAGENET
    late = ("layer2.", "layer3.")

    def __init__(self, classes: int, depth: int = 20):
        super().__init__()
        blocks, rest = divmod(depth - 2, 6)
        if rest or blocks < 1:
            raise Problem(f"network 'resnet_a': depth {depth} is not 6 n + 2, as in 20, 32, 44, 56 or 110.")
        self.conv1 = nn.Conv2d(3, CHANNELS[0], 3, 1, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(CHANNELS[0])
        before = CHANNELS[0]
        for group, channels in enumerate(CHANNELS, start=1):
            first = BasicBlock(before, channels, 1 if group == 1 else 2)
            others = [BasicBlock(channels, channels, 1) for _ in range(blocks - 1)]
            setattr(self, f"layer{group}", nn.Sequential(first, *others))
            before = channels
        self.linear = nn.Linear(CHANNELS[-1], classes)

    @property
    def head(self) -> nn.Linear:
        return self.linear

    def blocks(self) -> dict[str, nn.Module]:
        return {f"layer{number}": getattr(self, f"layer{number}") for number in (1, 2, 3)}

    def features(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        return F.adaptive_avg_pool2d(self.layer3(self.layer2(self.layer1(x))), 1).flatten(1)
