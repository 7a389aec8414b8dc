"""Mahalanobis over layers: the distances at the ends of all blocks, after a step on the input, joined by a regression.

Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks" (NeurIPS
2018). phi_l is the spatial mean of the stem's output or a block's (ood.passes.taps), and M_l the confidence of the
detector mahalanobis there. The input moves to x_l = x - epsilon sign(d(-M_l)/dx), for the class that is nearest at x,
and a logistic regression on M_l(x_l), l = 1 to L, learns to tell images from their FGSM images x + 0.05 sign(d CE(z(x),
label)/dx). Score: minus its log-odds of an FGSM image, which ranks like the released code's minus probability, but for
ties at 0 and -1. Consumes the network and labelled images.

``train`` (default) steps by the option ``epsilon``: 0.001 and 0.005 are what GAIA found for CIFAR-10 and CIFAR-100,
0.005 for ImageNet. Its regression learns from ``examples`` images, evenly spaced through the training split; 500 as in
GAIA. ``tuned`` takes of seven values the epsilon whose regression lets fewest FGSM images pass (FPR at 95 % TPR) among
as many other training images. epsilon counts units of the normalised input, as in deeplearning-wisc/gradnorm_ood,
whose numbers RG quotes; ``pixel`` is ``train`` with the step divided by the normalisation's std, so that epsilon counts
pixel values in [0, 1], as in pokaxpoka/deep_Mahalanobis_detector. ``leaky`` is ``tuned`` as gradnorm_ood has it: the
first 500 images of the *test* split and the 500 after them, all of which are scored later; and FGSM images clamped to
[0, 1] though inputs are normalised, so that dark pixels tell them apart. ``layer=...``: M_l(x_l) of ``train`` alone.

sign(0) is +1, as in both codes. Features are standardised before the regression; its penalty is cross-validated.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from ood.detectors import Detector, Images, LabelledImages
from ood.detectors.mahalanobis import Gaussians, confidence, gaussians
from ood.detectors.odin import ascent
from ood.passes.taps import taps

NOISE = 0.05  # of FGSM
EPSILONS = (0.0, 0.01, 0.005, 0.002, 0.0014, 0.001, 0.0005)  # of both codes; the first of equals is taken


class Step(NamedTuple):
    """A step on the input: its length, in the normalised input or in pixel values."""

    epsilon: float
    pixel: bool = False


class Fitted(NamedTuple):
    """Each layer's classes, as tensors on the network's device; each variant's step and regression."""

    layers: dict[str, Gaussians]
    variants: dict[str, tuple[Step, Any]]


def learnt(train: LabelledImages) -> dict[str, Gaussians]:
    """Each layer's classes, on the network's device. Raises Problem for a network without blocks."""
    import torch  # in the functions, so that reading the configuration does not load torch

    network, parts = train.images.network, {}
    with torch.inference_mode():
        for x in train.images.batches:
            for name, phi in taps(network, x).items():
                parts.setdefault(name, []).append(phi.cpu().numpy())
    found = {name: gaussians(np.concatenate(phi), train.labels) for name, phi in parts.items()}
    device = network.head.weight.device
    return {name: Gaussians(*(torch.from_numpy(part).to(device) for part in layer)) for name, layer in found.items()}


def chosen(split: LabelledImages, rows: np.ndarray) -> Iterator[tuple[Any, Any]]:
    """The images of a split numbered ``rows``, which ascend, with their labels, a batch or more at a time.

    They are few and far between: run as they lie, two or three at a time, they take twice as long on a CPU.
    """
    import torch

    start, size, done, parts = 0, 0, 0, []
    for x in split.images.batches:
        size = size or len(x)
        here = rows[(rows >= start) & (rows < start + len(x))]
        if len(here):
            parts.append(x[torch.from_numpy(here - start)])
        start += len(x)
        end, found = start > rows[-1], sum(map(len, parts))
        if found >= size or end:
            yield torch.cat(parts), torch.from_numpy(split.labels[rows[done : done + found]]).to(x.device)
            done, parts = done + found, []
        if end:
            return


def adversarial(network, x, labels):
    """FGSM images of x, by their true labels."""
    import torch
    import torch.nn.functional as F

    with torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        losses = F.cross_entropy(network(x), labels, reduction="none")
        return x.detach() + NOISE * ascent(losses, x)


def confidences(images: Images, layers: dict[str, Gaussians], x, steps: set[Step]) -> dict[Step, np.ndarray]:
    """M_l(x_l) of inputs x (N, ...) after each step: (N, L)."""
    import torch

    with torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        here = {name: confidence(phi, layers[name]) for name, phi in taps(images.network, x).items()}
        away = {name: ascent(-value, x) for name, value in here.items()}
    here = {name: value.detach() for name, value in here.items()}  # else the graph stays during the passes below
    std = torch.tensor(images.std, device=x.device).view(1, -1, 1, 1)
    found = {}
    with torch.inference_mode():
        for step in steps:
            values = list(here.values())
            if step.epsilon:
                length = step.epsilon / std if step.pixel else step.epsilon
                moved = {name: taps(images.network, x - length * sign, until=name) for name, sign in away.items()}
                values = [confidence(moved[name][name], layer) for name, layer in layers.items()]
            found[step] = torch.stack(values, dim=1).cpu().numpy()
    return found


def trials(
    split: LabelledImages, layers: dict[str, Gaussians], rows: np.ndarray, steps: set[Step], clamp: bool
) -> dict[Step, np.ndarray]:
    """The confidences of the chosen images and of their FGSM images after each step: (2, rows, L)."""
    parts = {step: ([], []) for step in steps}
    for x, labels in chosen(split, rows):
        attacked = adversarial(split.images.network, x, labels)
        for kind, images in enumerate((x, attacked.clamp(0, 1) if clamp else attacked)):
            for step, values in confidences(split.images, layers, images, steps).items():
                parts[step][kind].append(values)
    return {step: np.stack([np.concatenate(kind) for kind in kinds]) for step, kinds in parts.items()}


def regression(values: np.ndarray) -> Any:
    """It tells images (0) from their FGSM images (1), by confidences (2, n, L)."""
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # The code's defaults, by name because those of scikit-learn are about to change.
    head = LogisticRegressionCV(l1_ratios=(0,), scoring="accuracy", use_legacy_attributes=False)
    labels = np.repeat([0, 1], values.shape[1])
    return make_pipeline(StandardScaler(), head).fit(np.concatenate(values), labels)


def passed(head: Any, values: np.ndarray) -> float:
    """The FPR at 95 % TPR: the share of FGSM images that a regression takes for images, by confidences (2, n, L)."""
    from sklearn.metrics import roc_curve

    fpr, tpr, _ = roc_curve(np.repeat([1, 0], values.shape[1]), -head.decision_function(np.concatenate(values)))
    return fpr[tpr >= 0.95][0]


def tuned(known: dict[Step, np.ndarray], held: dict[Step, np.ndarray]) -> tuple[Step, Any]:
    """The step whose regression, learnt from ``known``, lets the fewest FGSM images of ``held`` pass; and that one."""
    heads = {step: regression(known[step]) for step in map(Step, EPSILONS)}
    return min(heads.items(), key=lambda variant: passed(variant[1], held[variant[0]]))


class Method(Detector):
    consumes = "network"
    needs_blocks = True
    needs_train = True
    default = "train"

    epsilon: float = Field(0.001, ge=0, allow_inf_nan=False)
    examples: int = Field(500, ge=10)

    def fit(self, train: LabelledImages, test: LabelledImages) -> Fitted:
        layers, grid = learnt(train), set(map(Step, EPSILONS))
        steps = {"train": Step(self.epsilon), "pixel": Step(self.epsilon, pixel=True)}
        half = min(self.examples, len(train.labels) // 2)
        spaced = np.linspace(0, len(train.labels) - 1, 2 * half).astype(int)
        seen = trials(train, layers, spaced, grid | set(steps.values()), clamp=False)
        known, held = ({step: values[:, part::2] for step, values in seen.items()} for part in (0, 1))
        variants = {name: (step, regression(known[step])) for name, step in steps.items()}
        variants["tuned"] = tuned(known, held)

        half = min(self.examples, len(test.labels) // 2)
        seen = trials(test, layers, np.arange(2 * half), grid, clamp=True)
        known, held = ({step: values[:, part] for step, values in seen.items()} for part in np.s_[:half, half:])
        variants["leaky"] = tuned(known, held)
        return Fitted(layers, variants)

    def score(self, images: Images, fitted: Fitted) -> dict[str, np.ndarray]:
        steps = {step for step, _ in fitted.variants.values()}
        parts = [confidences(images, fitted.layers, x, steps) for x in images.batches]
        values = {step: np.concatenate([part[step] for part in parts]) for step in steps}
        columns = {name: -head.decision_function(values[step]) for name, (step, head) in fitted.variants.items()}
        alone = values[Step(self.epsilon)].T
        return columns | {f"layer={name}": value for name, value in zip(fitted.layers, alone, strict=True)}
