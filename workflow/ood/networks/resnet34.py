"""ResNet34, CIFAR variant: the network of the GAIA experiments.

He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016), in the layout that the CIFAR literature
uses for 32x32 images: a 3x3 stem of stride 1, no max-pool, basic blocks [3, 4, 6, 3] with 1, 2, 4, 8 times the
stem's width, a projection shortcut (1x1 convolution and BatchNorm) at the first block of layers 2 to 4, global
average pooling, one linear head. With width 64 it has 21,282,122 parameters for 10 classes and 21,328,292 for
100. Parameter names are those of kuangliu/pytorch-cifar and of GAIA's released checkpoints.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from ood.networks import Classifier

BLOCKS = (3, 4, 6, 3)


class Projection(nn.Conv2d):
    """A 1x1 convolution of every ``step``-th position: (N, C_in, H, W) -> (N, C_out, H/step, W/step).

    oneDNN's own strided one, on CPUs with AVX2 but no AVX-512, writes past its buffer in the backward pass when C_in is
    less than 8 (uxlfoundation/oneDNN, issue 6035): training a network of width 4 ends in a segmentation fault.
    """

    def __init__(self, channels_in: int, channels_out: int, step: int):
        super().__init__(channels_in, channels_out, 1, bias=False)
        self.step = step

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x[..., :: self.step, :: self.step])


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut: (N, C_in, H, W) -> (N, C_out, H/stride, W/stride)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(Projection(channels_in, channels_out, stride), nn.BatchNorm2d(channels_out))

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(inner)) + self.shortcut(x))


class Network(Classifier):
    """Normalised with the training set's mean and std; the papers' inputs are 32x32, but any size will do.

    The penultimate feature h, the pooled output of ``layer4``, has 8 * width components, all >= 0. The attribution
    layers are all 36 BatchNorm layers (a block's shortcut after its second BatchNorm).
    """

    input_size = 32
    late = ("layer3.", "layer4.")

    def __init__(self, classes: int, width: int = 64, channels: int = 3):
        super().__init__()
        self.channels = channels
        self.conv1 = nn.Conv2d(channels, width, 3, 1, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        channels_in = width
        for number, blocks in enumerate(BLOCKS, start=1):
            channels_out = width * 2 ** (number - 1)
            strides = [1 if number == 1 else 2] + [1] * (blocks - 1)
            layers = []
            for stride in strides:
                layers.append(BasicBlock(channels_in, channels_out, stride))
                channels_in = channels_out
            setattr(self, f"layer{number}", nn.Sequential(*layers))
        self.linear = nn.Linear(channels_in, classes)

    @property
    def head(self) -> nn.Linear:
        return self.linear

    def blocks(self) -> dict[str, nn.Module]:
        return {f"layer{number}": getattr(self, f"layer{number}") for number in (1, 2, 3, 4)}

    def features(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return F.adaptive_avg_pool2d(x, 1).flatten(1)
