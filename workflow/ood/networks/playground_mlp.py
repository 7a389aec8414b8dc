"""The MNIST network of the small-scale experiments of Igoe et al.: a perceptron 784-256-256-10.

Layers, names, dropout and normalisation as in aaron-xichen/pytorch-playground, whose file ``mnist-b07bb66b.pth``
(stated accuracy 98.42 %) it reads. 269,322 parameters.
"""

from collections import OrderedDict

from torch import Tensor, nn

from ood.networks import Classifier

HIDDEN = 256


class Network(Classifier):
    """h: 256 components, all >= 0. No normalisation layers, so no attribution layers."""

    input_size = 28
    channels = 1
    normalisation = ((0.1307,), (0.3081,))

    def __init__(self, classes: int):
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for number, inputs in enumerate((self.input_size**2, HIDDEN), start=1):
            layers[f"fc{number}"] = nn.Linear(inputs, HIDDEN)
            layers[f"relu{number}"] = nn.ReLU()
            layers[f"drop{number}"] = nn.Dropout(0.2)
        layers["out"] = nn.Linear(HIDDEN, classes)
        self.model = nn.Sequential(layers)

    @property
    def head(self) -> nn.Linear:
        return self.model.out

    def features(self, x: Tensor) -> Tensor:
        return self.model[:-1](x.flatten(1))
