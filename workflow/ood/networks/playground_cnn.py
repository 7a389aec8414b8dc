"""The SVHN and CIFAR-10 networks of the small-scale experiments of Igoe et al.

Seven 3x3 convolutions, each with a BatchNorm without scale and shift; layers, names and normalisation as in
aaron-xichen/pytorch-playground. CIFAR-10: width 128, no dropout, 9,306,250 parameters, ``cifar10-d875770b.pth`` (stated
accuracy 93.78 %). SVHN: width 32, dropout 0.3, 584,746 parameters, ``svhn-f564f3d8.pth`` (96.03 %); that file numbers
digit d as class (d - 1) mod 10.
"""

from torch import Tensor, nn

from ood.networks import Classifier

STAGES = ((1, 1), (2, 2), (4, 4), (8,))  # channels of the convolutions between max-pools, in units of the width


class Network(Classifier):
    """h: 8 * width components, all >= 0. Attribution layers: 7 BatchNorm."""

    input_size = 32
    normalisation = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    renames = {r"^features\.": "body.", r"^classifier\.0\.": "head."}

    def __init__(self, classes: int, width: int = 128, dropout: float = 0.0):
        super().__init__()
        layers, before = [], self.channels
        for stage in STAGES:
            for factor in stage:
                padding = 0 if factor == 8 else 1  # the last map is 2x2, so that its pool leaves one pixel
                layers += [nn.Conv2d(before, factor * width, 3, padding=padding)]
                layers += [nn.BatchNorm2d(factor * width, affine=False), nn.ReLU()]
                layers += [nn.Dropout(dropout)] if dropout else []
                before = factor * width
            layers.append(nn.MaxPool2d(2))
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(before, classes)

    def features(self, x: Tensor) -> Tensor:
        return self.body(x).flatten(1)
