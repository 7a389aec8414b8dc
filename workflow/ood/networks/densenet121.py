"""DenseNet-121 for ImageNet: torchvision's, with its IMAGENET1K_V1 weights (``densenet121-a639ec97.pth``, top-1 74.43).

Huang et al., "Densely Connected Convolutional Networks" (CVPR 2017). 7,978,856 parameters for 1,000 classes. The file
is older than torchvision's own names: it says ``denselayer1.norm.1`` for ``denselayer1.norm1``.

224 pixels: RG resizes "all images" to 480, but the baselines that it quotes for this network are of GradNorm's authors,
who cut 224 (deeplearning-wisc/gradnorm_ood, issue 7), and of its own rows it states no size.
"""

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import densenet121

from ood.networks import IMAGENET, Classifier, out_of_place


class Network(Classifier):
    """h: 1,024 components, all >= 0. Attribution layers: 121 BatchNorm."""

    input_size = 224
    normalisation = IMAGENET
    preprocessing = "short_side"
    renames = {
        r"^features\.": "body.",
        r"^classifier\.": "head.",
        r"(\.denselayer\d+\.(?:norm|conv))\.([12])\.": r"\1\2.",
    }

    def __init__(self, classes: int):
        super().__init__()
        network = out_of_place(densenet121(num_classes=classes))
        self.body, self.head = network.features, network.classifier

    def blocks(self) -> dict[str, nn.Module]:
        return {name: module for name, module in self.body.named_children() if name.startswith("denseblock")}

    def features(self, x: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(F.relu(self.body(x)), 1).flatten(1)
