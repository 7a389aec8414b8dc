"""DenseNet-BC for 32x32 images: the network of the CIFAR checkpoints that the DICE paper published.

Huang et al., "Densely Connected Convolutional Networks" (CVPR 2017), with bottlenecks and halving transitions, no
dropout: depth 100 and growth 12 give 769,162 parameters for 10 classes and 800,032 for 100. Checkpoints: "DICE:
Leveraging Sparsification for Out-of-Distribution Detection" (ECCV 2022), deeplearning-wisc/dice; 94.54 % of the
CIFAR-10 and 75.06 % of the CIFAR-100 test images right.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ood.errors import Problem
from ood.networks import Classifier


class DenseLayer(nn.Module):
    """Appends ``growth`` new channels: (N, C, H, W) -> (N, C + growth, H, W)."""

    def __init__(self, channels: int, growth: int):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv1(F.relu(self.bn1(x)))
        return torch.cat([x, self.conv2(F.relu(self.bn2(inner)))], 1)


class Transition(nn.Module):
    """Half the channels, half the side."""

    def __init__(self, channels: int):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, channels // 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(self.conv1(F.relu(self.bn1(x))), 2)


class Network(Classifier):
    """h: 342 components for depth 100 and growth 12, all >= 0. Attribution layers: depth - 1 BatchNorm."""

    input_size = 32
    normalisation = ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))  # on CIFAR-100 too
    renames = {r"^(block\d)\.layer\.": r"\1."}

    def __init__(self, classes: int, depth: int = 100, growth: int = 12):
        super().__init__()
        layers, rest = divmod(depth - 4, 6)
        if rest or layers < 1:
            raise Problem(f"network 'densenet_bc': depth {depth} is not 6 n + 4, as in 40 or 100.")
        channels = 2 * growth
        self.conv1 = nn.Conv2d(3, channels, 3, padding=1, bias=False)
        for block in (1, 2, 3):
            dense = [DenseLayer(channels + i * growth, growth) for i in range(layers)]
            channels += layers * growth
            setattr(self, f"block{block}", nn.Sequential(*dense))
            if block < 3:
                setattr(self, f"trans{block}", Transition(channels))
                channels //= 2
        self.bn1 = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(channels, classes)

    @property
    def head(self) -> nn.Linear:
        return self.fc

    def blocks(self) -> dict[str, nn.Module]:
        return {f"block{number}": getattr(self, f"block{number}") for number in (1, 2, 3)}

    def features(self, x: Tensor) -> Tensor:
        x = self.trans1(self.block1(self.conv1(x)))
        x = self.block3(self.trans2(self.block2(x)))
        return F.adaptive_avg_pool2d(F.relu(self.bn1(x)), 1).flatten(1)
