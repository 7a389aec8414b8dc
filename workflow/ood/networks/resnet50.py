"""ResNet-50 for ImageNet: torchvision's, with its IMAGENET1K_V1 weights (``resnet50-0676ba61.pth``, top-1 76.13).

He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016), with the stride on the 3x3 convolution.
25,557,032 parameters for 1,000 classes. 224 pixels, as RG states no size for it: see densenet121.
"""

from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck, ResNet

from ood.networks import IMAGENET, Classifier, out_of_place


class Block(Bottleneck):
    """torchvision's block, whose forward pass adds the shortcut to the last BatchNorm's output in place."""

    def forward(self, x: Tensor) -> Tensor:
        inner = self.relu(self.bn1(self.conv1(x)))
        inner = self.relu(self.bn2(self.conv2(inner)))
        residual = self.bn3(self.conv3(inner))
        return self.relu(residual + (x if self.downsample is None else self.downsample(x)))


class Network(Classifier):
    """h: 2,048 components, all >= 0. Attribution layers: 53 BatchNorm."""

    input_size = 224
    normalisation = IMAGENET
    preprocessing = "short_side"
    late = ("body.layer3.", "body.layer4.")
    renames = {r"^fc\.": "head.", r"^(?!head\.)": "body."}

    def __init__(self, classes: int):
        super().__init__()
        self.body = out_of_place(ResNet(Block, [3, 4, 6, 3], num_classes=classes))
        self.head, self.body.fc = self.body.fc, nn.Identity()

    def blocks(self) -> dict[str, nn.Module]:
        return {f"layer{number}": getattr(self.body, f"layer{number}") for number in (1, 2, 3, 4)}

    def features(self, x: Tensor) -> Tensor:
        return self.body(x)
