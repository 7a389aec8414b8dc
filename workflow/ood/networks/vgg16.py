"""VGG16 for ImageNet: torchvision's, with its IMAGENET1K_V1 weights (``vgg16-397923af.pth``, top-1 71.59).

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (ICLR 2015), without
BatchNorm. 138,357,544 parameters for 1,000 classes. Of the papers only the saliency maps of GAIA's supplement use it
(Figure 1): GAIA's own scores are not defined on it.
"""

from torch import Tensor, nn
from torchvision.models import vgg16

from ood.networks import IMAGENET, Classifier, out_of_place


class Network(Classifier):
    """h: 4,096 components, all >= 0. No normalisation layers, so no attribution layers."""

    input_size = 224
    normalisation = IMAGENET
    preprocessing = "short_side"
    renames = {r"^features\.": "body.", r"^classifier\.6\.": "head.", r"^classifier\.": "hidden."}

    def __init__(self, classes: int):
        super().__init__()
        network = out_of_place(vgg16(num_classes=classes))
        self.body, self.pool = network.features, network.avgpool
        self.hidden, self.head = network.classifier[:-1], network.classifier[-1]

    def saliency_layers(self) -> dict[str, nn.Module]:
        """The ends of the five blocks, max-pools included, by name: where LayerCAM (TIP 2021) looks in VGG16."""
        return {
            f"body.{name}": module for name, module in self.body.named_children() if isinstance(module, nn.MaxPool2d)
        }

    def features(self, x: Tensor) -> Tensor:
        x = self.body(x)
        if x.shape[-2:] != (7, 7):  # at 224 pixels the pool does nothing, and on CUDA its gradient is not repeatable
            x = self.pool(x)
        return self.hidden(x.flatten(1))
