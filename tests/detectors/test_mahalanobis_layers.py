"""Mahalanobis over layers against its definition: scikit-learn's covariance and regression, autograd's step."""

import weakref

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.covariance import EmpiricalCovariance
from sklearn.linear_model import LogisticRegressionCV

from ood.detectors import Features, Images, Labelled, LabelledImages, mahalanobis_layers, method
from ood.detectors.mahalanobis_layers import Step
from ood.errors import Problem

close = pytest.approx
EPSILON, EXAMPLES = 0.05, 20
EPSILONS = (0.0, 0.6, 0.05, 0.2, 0.1)  # far enough apart on these random images for some to be better than others
STD = [0.25, 0.5, 2.0]
NAMES = ["stem", "layer1", "layer2", "layer3", "layer4"]


def split(network, seed: int, rows: int) -> LabelledImages:
    x = 2 * torch.randn(rows, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return LabelledImages(Images(network, x.split(7), STD), np.random.default_rng(seed).permutation(rows) % 5)


@pytest.fixture(scope="module")
def splits(network) -> tuple[LabelledImages, LabelledImages]:
    return split(network, 1, 100), split(network, 2, 60)


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
    """A function from images (N, 3, H, W) and a step's length to their confidences after it (N, L)."""
    train = splits[0]
    phi = [part.numpy() for part in means(network, torch.cat(train.images.batches))]
    centres = [np.stack([part[train.labels == c].mean(axis=0) for c in range(5)]) for part in phi]
    fits = [
        EmpiricalCovariance(assume_centered=True).fit(part - centre[train.labels])
        for part, centre in zip(phi, centres, strict=True)
    ]

    def distances(fit, centre, here: np.ndarray) -> np.ndarray:
        return np.stack([fit.mahalanobis(here - mean) for mean in centre], axis=1)

    def confidences(images: torch.Tensor, length: float | torch.Tensor) -> np.ndarray:
        values = []
        for place, (fit, centre) in enumerate(zip(fits, centres, strict=True)):
            x = images.clone().requires_grad_()
            here = means(network, x)[place]
            off = here - torch.from_numpy(centre[distances(fit, centre, here.detach().numpy()).argmin(axis=1)])
            ((off @ torch.from_numpy(fit.precision_)) * off / 2).sum().backward()  # -M_l
            moved = means(network, images - length * plus_or_minus(x.grad))[place].numpy()
            values.append(-distances(fit, centre, moved).min(axis=1) / 2)
        return np.stack(values, axis=1)

    return confidences


@pytest.fixture(scope="module")
def fitted(splits):
    detector = method("mahalanobis_layers")(epsilon=EPSILON, examples=EXAMPLES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mahalanobis_layers, "EPSILONS", EPSILONS)
        return detector, detector.fit(*splits)


@pytest.fixture(scope="module")
def columns(splits, fitted, x) -> dict[str, np.ndarray]:
    detector, learnt = fitted
    return detector.score(Images(splits[0].images.network, x.split(2), STD), learnt)


def test_each_layer(columns, slow, x):
    assert set(columns) == {"train", "tuned", "pixel", "leaky", *(f"layer={name}" for name in NAMES)}
    for name, values in zip(NAMES, slow(x, EPSILON).T, strict=True):
        assert columns[f"layer={name}"] == close(values, rel=1e-8), name


def test_what_gradients_needed_is_freed_before_the_passes_after_steps(network, splits, x, fitted, monkeypatch):
    """It is most of a GPU's memory."""
    saved, found, taps = weakref.WeakSet(), [], mahalanobis_layers.taps

    class Saved:
        def __init__(self, tensor: torch.Tensor):
            self.tensor = tensor.detach()  # else what saves its own output would hold itself
            saved.add(self)

    def watched(network, x, until=None):
        before = len(saved)
        maps = taps(network, x, until=until)
        found.append((until, before, len(saved)))
        return maps

    monkeypatch.setattr(mahalanobis_layers, "taps", watched)
    with torch.autograd.graph.saved_tensors_hooks(Saved, lambda held: held.tensor):
        steps = {Step(EPSILON), Step(EPSILON, pixel=True)}
        mahalanobis_layers.confidences(splits[0].images, fitted[1].layers, x, steps)
    (_, none, many), *after = found
    assert none == 0 and many > 50
    assert after == [(name, 0, 0) for name in NAMES] * 2


@pytest.fixture(scope="module")
def trials(network, splits, slow):
    """A function from a split and its rows to their images and FGSM images, and these' confidences after a step."""

    def confidences(variant: str, rows: list[int], length: float | torch.Tensor) -> np.ndarray:
        known = splits[variant == "leaky"]
        images, labels = torch.cat(known.images.batches)[rows], torch.from_numpy(known.labels[rows])
        x = images.clone().requires_grad_()
        (-F.log_softmax(network(x), 1).gather(1, labels[:, None])).sum().backward()
        moved = images + 0.05 * plus_or_minus(x.grad)
        return slow(torch.cat([images, moved.clamp(0, 1) if variant == "leaky" else moved]), length)

    return confidences


def log_odds(known: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Of being an image and no FGSM image, by a regression on as many of the one as of the other."""
    mean, std = known.mean(axis=0), known.std(axis=0)
    fit = LogisticRegressionCV(l1_ratios=(0,), scoring="accuracy", use_legacy_attributes=False)
    p = fit.fit((known - mean) / std, np.repeat([0, 1], len(known) // 2)).predict_proba((given - mean) / std)
    return np.log(p[:, 0] / p[:, 1])


def rows(variant: str) -> tuple[list[int], list[int]]:
    """What the regression learns from, and what the step is chosen by."""
    if variant == "leaky":
        return list(range(EXAMPLES)), list(range(EXAMPLES, 2 * EXAMPLES))
    spaced = [int(99 * n / (2 * EXAMPLES - 1)) for n in range(2 * EXAMPLES)]  # of 100 images
    return spaced[::2], spaced[1::2]


@pytest.mark.parametrize("variant", ["train", "pixel"])
def test_the_regression(columns, slow, trials, x, variant):
    length = EPSILON / torch.tensor(STD).view(3, 1, 1) if variant == "pixel" else EPSILON
    exact = log_odds(trials(variant, rows(variant)[0], length), slow(x, length))
    assert columns[variant] == close(exact, rel=1e-6)
    assert len(set(columns[variant])) == len(x)


def passed(scores: np.ndarray) -> float:
    """The share of FGSM images, the second half, at or above what 95 % of the images reach."""
    images, attacked = np.split(scores, 2)
    return (attacked >= np.sort(images)[::-1][int(np.ceil(0.95 * len(images))) - 1]).mean()


@pytest.mark.parametrize("variant", ["tuned", "leaky"])
def test_the_step_that_lets_the_fewest_fgsm_images_pass(columns, fitted, slow, trials, x, variant):
    learnt, held = rows(variant)
    known = {length: trials(variant, learnt, length) for length in EPSILONS}
    shares = {length: passed(log_odds(known[length], trials(variant, held, length))) for length in EPSILONS}
    best = min(EPSILONS, key=shares.get)  # the first of equals
    assert fitted[1].variants[variant][0] == (best, False)
    assert columns[variant] == close(log_odds(known[best], slow(x, best)), rel=1e-6)
    if variant == "tuned":
        assert best != EPSILONS[0] and len(set(shares.values())) > 2, shares


def test_of_equally_good_steps_the_first_is_taken():
    """In the codes' order, which neither rises nor falls: all steps but none, the first, tell the images apart."""
    values = np.random.default_rng(0).normal(size=(2, 20, 3))
    apart = values + [[[3.0]], [[-3.0]]]
    given = {Step(epsilon): apart if epsilon else values for epsilon in EPSILONS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mahalanobis_layers, "EPSILONS", EPSILONS)
        assert mahalanobis_layers.tuned(given, given)[0] == (EPSILONS[1], False)
    assert EPSILONS[1] != min(EPSILONS[1:])


def test_the_last_layer_without_a_step_is_the_penultimate_variant(network, splits, x):
    detector, other = method("mahalanobis_layers")(epsilon=0, examples=EXAMPLES), method("mahalanobis")()
    column = detector.score(Images(network, [x], STD), detector.fit(*splits))["layer=layer4"]
    seen, given = (
        Features(network.features(images).numpy(), *[None] * 3) for images in (torch.cat(splits[0].images.batches), x)
    )
    train = Labelled(seen, splits[0].labels)
    assert column == close(other.score(given, other.fit(train, train))["penultimate"], rel=1e-10)


def test_a_network_without_blocks_is_refused(seeded, splits):
    images = splits[0].images._replace(network=seeded("playground_cnn", width=8))
    with pytest.raises(Problem, match="mahalanobis_layers: this network has no blocks"):
        method("mahalanobis_layers")().fit(splits[0]._replace(images=images), splits[1])
