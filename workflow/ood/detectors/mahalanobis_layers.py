"""Mahalanobis over layers: the distances at the ends of all blocks, after a step on the input, joined by a regression.

Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks" (NeurIPS
2018). phi_l is the spatial mean of the stem's output, which is what the first block gets, or of a block's output
(ood.networks), and M_l the confidence of the detector mahalanobis there. The input moves to x_l = x - epsilon
sign(d(-M_l)/dx), for the class that is nearest at x, and a logistic regression on M_l(x_l), l = 1 to L, learns to tell
images from their FGSM images x + 0.05 sign(d CE(z(x), label)/dx). Score: minus its log-odds of an FGSM image, which
ranks like the released code's minus probability, but for ties at 0 and -1. Consumes the network and labelled images.

``train`` (default): the regression learns from ``examples`` images, evenly spaced through the training split; 500 as in
GAIA. ``leaky`` is deeplearning-wisc/gradnorm_ood, whose numbers RG quotes: the first 500 images of the *test* split,
which are scored later; and FGSM images clamped to [0, 1] though inputs are normalised, so that dark pixels tell them
apart. ``layer=...``: M_l(x_l) alone.

epsilon counts units of the normalised input, and sign(0) is +1, as in that code, which takes of seven values the one
that tells 500 more test images from their FGSM images best. Here config.yaml gives it, so that no images are needed:
0.001 (default) and 0.005 are GAIA's for CIFAR-10 and CIFAR-100, 0.005 its for ImageNet. Features are standardised
before the regression; its penalty is cross-validated, as in the code.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from ood.detectors import Detector, Images, LabelledImages
from ood.detectors.mahalanobis import Gaussians, confidence, gaussians
from ood.detectors.odin import ascent
from ood.errors import Problem

NOISE = 0.05  # of FGSM


class Fitted(NamedTuple):
    """Each layer's classes, as tensors on the network's device, and each variant's regression."""

    layers: dict[str, Gaussians]
    regressions: dict[str, Any]


def taps(network, x) -> tuple[dict[str, Any], Any]:
    """phi_l of images (N, ...), by name: tensors (N, K_l) in float64. And their logits (N, C).

    Raises Problem for a network without blocks.
    """
    blocks, found = network.blocks(), {}
    if not blocks:
        raise Problem(
            "detector mahalanobis_layers: this network has no blocks, at whose ends it could read. Give its benchmark "
            "in config.yaml a list of detectors without mahalanobis_layers."
        )

    def keep(name: str, maps) -> None:
        found[name] = maps.mean((2, 3)).double()

    hooks = [next(iter(blocks.values())).register_forward_pre_hook(lambda module, inputs: keep("stem", inputs[0]))]
    for name, block in blocks.items():
        hooks.append(block.register_forward_hook(lambda module, inputs, maps, name=name: keep(name, maps)))
    try:
        return found, network(x)
    finally:
        for hook in hooks:
            hook.remove()


def learnt(train: LabelledImages) -> dict[str, Gaussians]:
    """Each layer's classes, on the network's device."""
    import torch  # in the functions, so that reading the configuration does not load torch

    network, parts = train.images.network, {}
    with torch.inference_mode():
        for x in train.images.batches:
            for name, phi in taps(network, x)[0].items():
                parts.setdefault(name, []).append(phi.cpu().numpy())
    found = {name: gaussians(np.concatenate(phi), train.labels) for name, phi in parts.items()}
    device = network.head.weight.device
    return {name: Gaussians(*(torch.from_numpy(part).to(device) for part in layer)) for name, layer in found.items()}


def chosen(split: LabelledImages, rows: np.ndarray) -> Iterator[tuple[Any, Any]]:
    """The images of a split numbered ``rows``, which ascend, a part at a time, with their labels."""
    import torch

    start = 0
    for x in split.images.batches:
        here = rows[(rows >= start) & (rows < start + len(x))]
        if len(here):
            yield x[torch.from_numpy(here - start)], torch.from_numpy(split.labels[here]).to(x.device)
        start += len(x)
        if start > rows[-1]:
            return


def adversarial(network, x, labels):
    """FGSM images of x, by their true labels."""
    import torch
    import torch.nn.functional as F

    with torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        losses = F.cross_entropy(network(x), labels, reduction="none")
        return x.detach() + NOISE * ascent(losses, x)


class Method(Detector):
    consumes = "network"
    needs_train = True
    default = "train"

    epsilon: float = Field(0.001, ge=0, allow_inf_nan=False)
    examples: int = Field(500, ge=10)

    def fit(self, train: LabelledImages, test: LabelledImages) -> Fitted:
        layers = learnt(train)
        spaced = np.linspace(0, len(train.labels) - 1, min(self.examples, len(train.labels))).astype(int)
        first = np.arange(min(self.examples, len(test.labels)))
        honest = self._regression(layers, train, spaced, clamp=False)
        return Fitted(layers, {"train": honest, "leaky": self._regression(layers, test, first, clamp=True)})

    def _regression(self, layers: dict[str, Gaussians], split: LabelledImages, rows: np.ndarray, clamp: bool) -> Any:
        """It tells the chosen images (0) from their FGSM images (1)."""
        from sklearn.linear_model import LogisticRegressionCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        network, kinds = split.images.network, ([], [])
        for x, labels in chosen(split, rows):
            attacked = adversarial(network, x, labels)
            kinds[0].append(self._confidences(network, layers, x))
            kinds[1].append(self._confidences(network, layers, attacked.clamp(0, 1) if clamp else attacked))
        values = np.concatenate([*kinds[0], *kinds[1]])
        # The code's defaults, by name because those of scikit-learn are about to change.
        head = LogisticRegressionCV(l1_ratios=(0,), scoring="accuracy", use_legacy_attributes=False)
        return make_pipeline(StandardScaler(), head).fit(values, np.repeat([0, 1], len(rows)))

    def _confidences(self, network, layers: dict[str, Gaussians], x) -> np.ndarray:
        """M_l(x_l): (N, L)."""
        import torch

        with torch.enable_grad():
            x = x.detach().clone().requires_grad_()
            before, _ = taps(network, x)
            away = {name: ascent(-confidence(before[name], layer), x) for name, layer in layers.items()}
        columns = []
        with torch.inference_mode():
            for name, layer in layers.items():
                after, _ = taps(network, x - self.epsilon * away[name])
                columns.append(confidence(after[name], layer))
            return torch.stack(columns, dim=1).cpu().numpy()

    def score(self, images: Images, fitted: Fitted) -> dict[str, np.ndarray]:
        values = np.concatenate([self._confidences(images.network, fitted.layers, x) for x in images.batches])
        columns = {name: -head.decision_function(values) for name, head in fitted.regressions.items()}
        return columns | {f"layer={name}": values[:, place] for place, name in enumerate(fitted.layers)}
