"""Made-up features, images and networks for what every method promises, and how to see that it keeps to it."""

from typing import Any

import numpy as np
import torch
from torch import nn

from ood.detectors import Attributions, Detector, Features, Images, Labelled, LabelledImages, method
from ood.networks import Classifier


def draw(features: Features, count: int, seed: int) -> Labelled:
    """A split of features spread around the given ones; a tenth of its labels are not what the network says."""
    rng = np.random.default_rng(seed)
    _, _, weight, bias = features
    h = features.h[rng.integers(len(features.h), size=count)] * rng.lognormal(sigma=0.5, size=(count, weight.shape[1]))
    z = h @ weight.T + bias
    labels = np.where(rng.random(count) < 0.1, rng.integers(len(bias), size=count), z.argmax(axis=1))
    return Labelled(Features(h, z, weight, bias), labels)


def take(images: Any, rows: Any) -> Any:
    """The chosen images."""
    if isinstance(images, Images):
        return images._replace(batches=torch.cat(images.batches)[rows].split(3))
    if isinstance(images, Features):
        return images._replace(h=images.h[rows], z=images.z[rows])
    statistics = {name: values[rows] for name, values in images.statistics.items()}
    return images._replace(features=take(images.features, rows), statistics=statistics)


def gradient(layer: nn.Module, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """That of v . layer(x) at x."""
    x = x.clone().requires_grad_()
    return torch.autograd.grad(layer(x), x, v)[0]


class Toy(Classifier):
    """Its input is its feature map, and the output of both of its blocks."""

    def __init__(self, features: Features):
        super().__init__()
        self.middle, self.end = nn.Identity(), nn.Identity()
        self.head = nn.Linear(*features.weight.shape[::-1]).double().requires_grad_(False)
        self.head.weight[:], self.head.bias[:] = map(torch.from_numpy, features[2:])

    def blocks(self) -> dict[str, nn.Module]:
        return {"middle": self.middle, "end": self.end}

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return self.end(self.middle(x)).mean((2, 3))


def toy_images(features: Features) -> Images:
    """A map of two positions for each h: one holds twice its even components, the other twice its odd ones."""
    h = torch.from_numpy(features.h)
    even = torch.arange(h.shape[1]) % 2 == 0
    maps = 2 * torch.stack([h * even, h * ~even], dim=2)[..., None]
    return Images(Toy(features).eval(), maps.split(7), [0.5] * h.shape[1])


def separable(rng: np.random.Generator, count: int, confident: bool, spread: float = 0) -> Attributions:
    """Each of four classes owns five features. ID: those are large, all others 0.5, gradients small and sparse. OOD:
    all are 0.1 to 0.4, gradients large and dense. Every norm, output term, distance and gradient then separates."""
    weight = np.repeat(np.eye(4), 5, axis=1) - 0.25
    own = weight[np.arange(count) % 4] > 0
    h = np.where(own, 5.0, 0.5) + spread * rng.random((count, 20)) if confident else rng.uniform(0.1, 0.4, (count, 20))
    low, high = (0, 0.3) if confident else (0.5, 1)
    kinds = ("abs_mean", "mean_abs", "density")
    statistics = {
        f"{v}.{kind}": rng.uniform(low, high, (count, 2)) for v in ("top1", "inner", "direct") for kind in kinds
    } | {"active.density": rng.uniform(low, high, (count, 2))}
    features = Features(h, h @ weight.T, weight, np.zeros(4))
    return Attributions(features, ("layer3.0.bn1", "layer4.0.bn1"), (), np.array([4, 8]), statistics)


def consumed(name: str, attributions: Attributions, images: Images) -> Any:
    """What the method consumes, of the same images."""
    return {"features": attributions.features, "attributions": attributions, "network": images}[method(name).consumes]


def labelled_images(split: Labelled | LabelledImages, images: Images) -> LabelledImages:
    """A split for a method that consumes the network: the toy's has its features, ResNet34's 30 random images at most.

    Two splits of one length have the same images.
    """
    if isinstance(split, LabelledImages):
        return split
    if isinstance(images.network, Toy):
        return LabelledImages(toy_images(split.features), split.labels)
    labels, generator = split.labels[:30], torch.Generator().manual_seed(len(split.labels))
    x = 2 * torch.randn(len(labels), 3, 16, 16, dtype=torch.float64, generator=generator)
    return LabelledImages(images._replace(batches=x.split(12)), labels)


def fit(detector: Detector, images: Any, splits: tuple) -> Any:
    """What a method learns from labelled splits of what it consumes, or for images from the like of the splits."""
    if not detector.needs_train:
        return None
    if isinstance(images, Images):
        splits = [labelled_images(split, images) for split in splits]
    before = bits(splits)
    fitted = detector.fit(*splits)
    assert bits(splits) == before, "fitting has changed what it learns from"
    return fitted


def scores(detector: Detector, images: Any, splits: tuple) -> dict[str, np.ndarray]:
    """A method's columns after ``fit``."""
    return detector.score(images, fit(detector, images, splits))


def bits(part: Any) -> Any:
    """The bytes of all arrays in it, by name or in their order: they tell -0 from 0, and a NaN equals itself."""
    if hasattr(part, "dtype"):
        return np.asarray(part).tobytes()
    if isinstance(part, dict):
        return {key: bits(value) for key, value in part.items()}
    return [bits(value) for value in part] if isinstance(part, (tuple, list)) else None


def standing(network: Classifier) -> Any:
    """All that a method has to leave as it was: modes, attributes and hooks of modules, bytes and gradients."""
    modules = {
        name: (
            module.training,
            list(vars(module)),
            [dict(part) for key, part in vars(module).items() if "hooks" in key],
        )
        for name, module in network.named_modules()
    }
    tensors = {
        name: (part.requires_grad, part.grad is None, part._backward_hooks is None, bits(part.detach()))
        for name, part in (*network.named_parameters(), *network.named_buffers())
    }
    return modules, tensors
