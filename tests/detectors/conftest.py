"""A toy head with features, and a tiny ResNet34 with lived-in BatchNorm statistics; all in float64."""

import numpy as np
import pytest
import torch

from ood import networks
from ood.detectors import Attributions, Features, Labelled, mahalanobis_layers
from ood.networks import bit_r101x1
from ood.networks.resnet34 import Network
from ood.passes.attribution import attributions as attribute
from ood.passes.attribution import blocks, channels

torch.set_num_threads(1)  # as every step does


@pytest.fixture(scope="session", autouse=True)
def _short_grid():
    """Two steps instead of seven for Mahalanobis over layers to choose from: what it promises hangs on no number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mahalanobis_layers, "EPSILONS", (0.0, 0.01))
        yield


@pytest.fixture(scope="session")
def toy():
    """A function (rows, signed) -> Features with 12 features, 5 classes, and logits that are the head's."""

    def make(rows: int, signed: bool = False, seed: int = 0) -> Features:
        rng = np.random.default_rng(seed)
        weight, bias = rng.normal(size=(5, 12)), rng.normal(size=5)
        h = 2 * rng.normal(size=(rows, 12))
        h = h if signed else np.maximum(h, 0)
        return Features(h, h @ weight.T + bias, weight, bias)

    return make


@pytest.fixture(scope="session")
def known(toy):
    """A function from a seed to a labelled split of 60 toy images, a tenth of them predicted wrongly."""

    def make(seed: int, rows: int = 60) -> Labelled:
        features = toy(rows, seed=seed)
        labels = features.z.argmax(axis=1)
        labels[::10] = np.arange(len(labels[::10])) % 5
        return Labelled(features, labels)

    return make


@pytest.fixture(scope="session")
def network() -> Network:
    """ResNet34 of width 2, 5 classes, 3 channels, eval mode, frozen."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        net = Network(classes=5, width=2, channels=3).double()
        for layer in net.attribution_layers().values():
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
            torch.nn.init.uniform_(layer.bias, -0.2, 0.8)
        with torch.no_grad():
            for _ in range(10):
                net(1 + 2 * torch.randn(16, 3, 16, 16, dtype=torch.float64))
    return net.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def seeded():
    """A function from a network's name and options to one with five classes and random weights, in eval mode."""

    def make(name: str, **options) -> networks.Classifier:
        network, generator = networks.build(name, 5, options).double(), torch.Generator().manual_seed(0)
        for value in network.requires_grad_(False).parameters():
            if value.ndim > 1:
                value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=generator)
            else:
                value.uniform_(0.2, 1, generator=generator)
        return network.eval()

    return make


@pytest.fixture(scope="session")
def bit(seeded) -> networks.Classifier:
    """BiT with one unit in its first three stages and two in the last, five classes, random weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bit_r101x1, "UNITS", (1, 1, 1, 2))
        return seeded("bit_r101x1")


@pytest.fixture(scope="session")
def x() -> torch.Tensor:
    """Five images; the last map of the network is 2x2, so means of absolute values are not absolute means."""
    return 2 * torch.randn(5, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="session")
def given():
    """A function from a network and images to what an extraction leaves for the GAIA detectors."""

    def make(network: networks.Classifier, x: torch.Tensor) -> Attributions:
        final = network.final_norm()
        layers = network.attribution_layers() | final
        h, found = attribute(network, x, layers)
        z, (weight, bias) = network.head(h), (part.detach().numpy() for part in network.head.parameters())
        counts = np.array([channels(layer) for layer in layers.values()])
        statistics = {name: values.numpy() for name, values in found.items()}
        features = Features(h.numpy(), z.detach().numpy(), weight, bias)
        late = network.late
        return Attributions(features, tuple(layers), late, counts, statistics, tuple(final), blocks(network))

    return make
