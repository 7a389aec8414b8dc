"""Mahalanobis over layers against one image at a time: scikit-learn's covariance and regression, autograd's step."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.covariance import EmpiricalCovariance
from sklearn.linear_model import LogisticRegressionCV

from ood.detectors import Features, Images, Labelled, LabelledImages, method
from ood.detectors.mahalanobis_layers import taps
from ood.errors import Problem

close = pytest.approx
EPSILON, EXAMPLES = 0.05, 12
NAMES = ["stem", "layer1", "layer2", "layer3", "layer4"]


def split(network, seed: int, rows: int) -> LabelledImages:
    x = 2 * torch.randn(rows, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return LabelledImages(Images(network, x.split(7), [1, 1, 1]), np.random.default_rng(seed).permutation(rows) % 5)


@pytest.fixture(scope="module")
def splits(network) -> tuple[LabelledImages, LabelledImages]:
    return split(network, 1, 100), split(network, 2, 40)


def plus_or_minus(gradient: torch.Tensor) -> torch.Tensor:
    return torch.where(gradient >= 0, torch.ones_like(gradient), -torch.ones_like(gradient))


def means(network, x: torch.Tensor) -> list[torch.Tensor]:
    """The spatial mean at the stem and behind each layer of ResNet34."""
    maps = [F.relu(network.bn1(network.conv1(x)))]
    for layer in (network.layer1, network.layer2, network.layer3, network.layer4):
        maps.append(layer(maps[-1]))
    return [part.mean((2, 3)) for part in maps]


@pytest.fixture(scope="module")
def slow(network, splits):
    """A function from an image (3, H, W) to its confidence per layer after the step."""
    train = splits[0]
    phi = [part.numpy() for part in means(network, torch.cat(train.images.batches))]
    centres = [np.stack([part[train.labels == c].mean(axis=0) for c in range(5)]) for part in phi]
    fits = [
        EmpiricalCovariance(assume_centered=True).fit(part - centre[train.labels])
        for part, centre in zip(phi, centres, strict=True)
    ]

    def confidences(image: torch.Tensor) -> list[float]:
        values = []
        for place, (fit, centre) in enumerate(zip(fits, centres, strict=True)):
            x = image[None].clone().requires_grad_()
            here = means(network, x)[place][0]
            apart = fit.mahalanobis(here.detach().numpy() - centre)
            off = here - torch.from_numpy(centre[apart.argmin()])
            (off @ torch.from_numpy(fit.precision_) @ off / 2).backward()  # -M_l
            moved = image - EPSILON * plus_or_minus(x.grad[0])
            values.append(-fit.mahalanobis(means(network, moved[None])[place].numpy() - centre).min() / 2)
        return values

    return confidences


@pytest.fixture(scope="module")
def columns(splits, x) -> dict[str, np.ndarray]:
    detector = method("mahalanobis_layers")(epsilon=EPSILON, examples=EXAMPLES)
    return detector.score(Images(splits[0].images.network, x.split(2), [1, 1, 1]), detector.fit(*splits))


def test_each_layer(columns, slow, x):
    assert set(columns) == {"train", "leaky", *(f"layer={name}" for name in NAMES)}
    exact = np.array([slow(image) for image in x])
    for name, values in zip(NAMES, exact.T, strict=True):
        assert columns[f"layer={name}"] == close(values, rel=1e-8), name


def attacked(network, image: torch.Tensor, label: int) -> torch.Tensor:
    x = image[None].clone().requires_grad_()
    (-F.log_softmax(network(x), 1)[0, label]).backward()
    return image + 0.05 * plus_or_minus(x.grad[0])


@pytest.mark.parametrize("variant", ["train", "leaky"])
def test_the_regression(columns, splits, slow, network, x, variant):
    known = splits[0] if variant == "train" else splits[1]
    rows = [9 * n for n in range(EXAMPLES)] if variant == "train" else range(EXAMPLES)  # of 100 images, and of 40
    images = torch.cat(known.images.batches)
    moved = [attacked(network, images[row], known.labels[row]) for row in rows]
    if variant == "leaky":
        moved = [image.clamp(0, 1) for image in moved]
    seen = np.array([slow(image) for image in (*images[list(rows)], *moved)])
    mean, std = seen.mean(axis=0), seen.std(axis=0)
    fit = LogisticRegressionCV(l1_ratios=(0,), scoring="accuracy", use_legacy_attributes=False)
    fit.fit((seen - mean) / std, [0] * EXAMPLES + [1] * EXAMPLES)
    p = fit.predict_proba((np.array([slow(image) for image in x]) - mean) / std)
    assert columns[variant] == close(np.log(p[:, 0] / p[:, 1]), rel=1e-6)
    assert len(set(columns[variant])) == len(x)


def test_the_last_layer_without_a_step_is_the_penultimate_variant(network, splits, x):
    detector, other = method("mahalanobis_layers")(epsilon=0, examples=EXAMPLES), method("mahalanobis")()
    column = detector.score(Images(network, [x], [1, 1, 1]), detector.fit(*splits))["layer=layer4"]
    seen, given = (
        Features(network.features(images).numpy(), *[None] * 3) for images in (torch.cat(splits[0].images.batches), x)
    )
    train = Labelled(seen, splits[0].labels)
    assert column == close(other.score(given, other.fit(train, train))["penultimate"], rel=1e-10)


def test_taps_of_bit_are_the_root_and_the_four_blocks(bit):
    x = torch.randn(2, 3, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found, z = taps(bit, x)
    maps = bit.body.stem(x)
    assert list(found) == ["stem", "block1", "block2", "block3", "block4"] and torch.equal(z, bit(x))
    for phi, stage in zip(found.values(), [*bit.body.stages, None], strict=True):
        torch.testing.assert_close(phi, maps.mean((2, 3)))
        maps = stage(maps) if stage else maps


def test_a_network_without_blocks_is_refused(seeded, splits):
    images = splits[0].images._replace(network=seeded("playground_cnn", width=8))
    with pytest.raises(Problem, match="mahalanobis_layers: this network has no blocks"):
        method("mahalanobis_layers")().fit(splits[0]._replace(images=images), splits[1])


def test_no_hook_stays_where_the_pass_fails(network, x):
    with pytest.raises(RuntimeError):
        taps(network, x[:, :2])
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
