"""Agreement with the library pytorch-ood, where its definition is the same. Its scores are higher for OOD.

Where version 0.4 differs: KNN returns the distance, ours is its square. Mahalanobis does not divide the covariance by
n (a factor n), adds 1e-6 to its diagonal and keeps it in float32; over layers it takes no step on the input, which
MahalanobisODIN takes for the last one, and sums, where ours has a regression. KL-Matching replaces log 0 by the
smallest float, ours is floored at log 1e-12. ODIN takes sign(0) as 0, ours as +1. GradNorm's default is all parameters,
S4 of gradients_deep; ours is the head's weight.
It has no RG, ExGrad, BatchGrad, MOS, norm families or GAIA; what it has besides is in none of the three papers.
"""

import numpy as np
import pytest
import pytorch_ood.detector as theirs
import torch
from torch import nn

from ood.detectors import Images, LabelledImages, method

close = pytest.approx


@pytest.fixture
def images(toy):
    return toy(20)


@pytest.fixture
def splits(known):
    return known(1, rows=300), known(2)


def ours(name: str, images, splits, column: str | None = None, **options) -> np.ndarray:
    detector = method(name)(**options)
    columns = detector.score(images, detector.fit(*splits) if detector.needs_train else None)
    return columns[column or detector.default]


def head(images) -> nn.Linear:
    linear = nn.Linear(*images.weight.shape[::-1]).double()
    linear.load_state_dict({"weight": torch.from_numpy(images.weight), "bias": torch.from_numpy(images.bias)})
    return linear


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("msp", lambda z: theirs.MaxSoftmax.score(z)),
        ("maxlogit", lambda z: theirs.MaxLogit.score(z)),
        ("energy", lambda z: theirs.EnergyBased.score(z)),
    ],
)
def test_scores_of_the_logits(images, splits, name, score):
    assert ours(name, images, splits) == close(-score(torch.from_numpy(images.z)).numpy(), rel=1e-12)


@pytest.mark.parametrize(("column", "parameters"), [("weight", ["weight"]), ("weight_and_bias", ["weight", "bias"])])
def test_gradnorm(images, splits, column, parameters):
    detector = theirs.GradNorm(head(images), param_filter=lambda name: name in parameters, temperature=2.0)
    detector.to("cpu")
    exact = -detector.predict(torch.from_numpy(images.h)).numpy()
    assert ours("gradnorm", images, splits, column, temperature=2) == close(exact, rel=1e-10)


@pytest.mark.parametrize("column", ["S4 weight", "S4 weight_and_bias"])
def test_gradnorm_of_all_parameters(network, x, column):
    """The library's default, at its temperature, 1; and without biases and shifts. No factor lies between the two."""
    chosen = (lambda name: not name.endswith("bias")) if column == "S4 weight" else None
    exact = -theirs.GradNorm(network, param_filter=chosen).to("cpu").predict(x).numpy()
    assert len(set(exact)) == len(x) and exact.min() > 0
    assert ours("gradients_deep", Images(network, x.split(2), [1, 1, 1]), None, column) == close(exact, rel=1e-10)


@pytest.mark.parametrize("column", ["train_percentile", "fixed", "rankfeat"])
def test_react(images, splits, column):
    train = splits[0]
    threshold = {"train_percentile": None, "fixed": 1.0, "rankfeat": 1.25}[column]
    detector = theirs.ReAct(None, head(images), threshold=threshold, percentile=0.9)
    if threshold is None:
        detector.fit_feature_maps(torch.from_numpy(train.features.h), torch.from_numpy(train.labels))
    exact = -detector.predict_feature_maps(torch.from_numpy(images.h)).numpy()
    assert ours("react", images, splits, column) == close(exact, rel=1e-12)


@pytest.mark.parametrize("k", [50, 200])
def test_knn(images, splits, k):
    train = splits[0]
    detector = theirs.KNN(None, k=k).fit_features(*map(torch.from_numpy, (train.features.h, train.labels)))
    exact = -(detector.predict_features(torch.from_numpy(images.h)).numpy() ** 2)
    assert ours("knn", images, splits, f"k={k}") == close(exact, rel=1e-9)


def test_kl_matching(images, splits):
    detector = theirs.KLMatching(None).fit_logits(torch.from_numpy(splits[0].features.z))
    exact = -detector.predict_logits(torch.from_numpy(images.z)).numpy()
    assert ours("kl_matching", images, splits) == close(exact, rel=1e-9)


def test_mahalanobis(images, splits):
    train = splits[0]
    features = torch.from_numpy(train.features.h).float()
    detector = theirs.Mahalanobis(None).fit_features(features, torch.from_numpy(train.labels))
    exact = -detector.predict_features(torch.from_numpy(images.h).float()).numpy() * len(train.labels)
    assert ours("mahalanobis", images, splits) == close(exact, rel=1e-3)


@pytest.mark.parametrize("place", range(5))
def test_mahalanobis_of_a_layer(network, x, place):
    """Without a step on the input."""
    stem = nn.Sequential(network.conv1, network.bn1, nn.ReLU())
    body = [stem, network.layer1, network.layer2, network.layer3, network.layer4]
    seen = 2 * torch.randn(100, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    labels = np.arange(100) % 5

    def means(maps: torch.Tensor) -> list[torch.Tensor]:
        return [(maps := part(maps)).mean((2, 3)).float() for part in body]

    detector = theirs.MultiMahalanobis(body, alpha=[float(layer == place) for layer in range(5)])
    detector.fit_structured(means(seen), torch.from_numpy(labels))
    train = LabelledImages(Images(network, seen.split(50), [1, 1, 1]), labels)
    column = f"layer={'stem' if place == 0 else f'layer{place}'}"
    found = ours("mahalanobis_layers", Images(network, [x], [1, 1, 1]), (train, train), column, epsilon=0)
    assert found == close(-detector.predict_structured(means(x)).numpy() * len(labels), rel=1e-3)


def test_mahalanobis_of_the_last_layer_with_a_step_on_the_input(network, x):
    epsilon = 0.05
    seen = 2 * torch.randn(100, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    labels = np.arange(100) % 5
    detector = theirs.MahalanobisODIN(network.features, eps=epsilon)
    detector.fit_features(network.features(seen).float(), torch.from_numpy(labels))
    detector._base.mu, detector._base.precision = detector._base.mu.double(), detector._base.precision.double()
    exact = -detector.predict(x).numpy() * len(labels)
    train = LabelledImages(Images(network, seen.split(50), [1, 1, 1]), labels)
    given = Images(network, [x], [1, 1, 1])
    found = ours("mahalanobis_layers", given, (train, train), "layer=layer4", epsilon=epsilon)
    assert found == close(exact, rel=1e-3)


@pytest.mark.parametrize("column", ["normalised", "pixel"])
def test_odin(network, x, column):
    std = [0.25, 0.5, 2.0]
    detector = theirs.ODIN(network, eps=0.004, temperature=1000, norm_std=std if column == "pixel" else None)
    exact = -detector.predict(x).detach().numpy()
    assert ours("odin", Images(network, [x], std), None, column) == close(exact, rel=1e-9)


def test_rankfeat(network, x):
    """Of the last block; it has no second block and no power iterations."""
    end = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), network.head)
    stem = nn.Sequential(network.conv1, network.bn1, nn.ReLU())
    body = nn.Sequential(stem, network.layer1, network.layer2, network.layer3, network.layer4)
    exact = -theirs.RankFeat(body, end).to("cpu").predict(x).numpy()
    assert ours("rankfeat", Images(network, x.split(2), [1, 1, 1]), None) == close(exact, rel=1e-10)
