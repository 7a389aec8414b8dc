"""BatchGrad for all parameters of the network.

Igoe et al., "How Useful are Gradients for OOD Detection Really?" (2022), Eq. 6 and Table 3, row "Deep".
S = E_{Y~p} || g_Y + M ||_1 with g_y the gradient of log p_y for all parameters, M that of sum_i log p_i(x_i), and x_i
the prototype of class i; the score is -S, the expectation's p are constants. Options, prototypes and the variants'
names are those of ood.detectors.batchgrad, which has the last layer's. ``train weight`` and ``test weight`` leave out
the biases and the shifts of normalisation layers, whose scales are weights.

Consumes the network and labelled images: a backward pass for every class (ood.passes.parameter_gradients).
"""

from typing import Any

import numpy as np
from scipy.special import softmax

from ood.detectors import Images, LabelledImages, batchgrad

Sums = dict[str, dict[str, Any]]  # M: variant -> parameter's name -> tensor (size,), float64


def term(network: Any, x: Any, labels: np.ndarray) -> dict[str, Any]:
    """The gradient of sum_n log p_label(x_n) for every parameter, by name."""
    import torch  # here, so that reading the configuration does not load torch

    from ood.passes.parameter_gradients import errors, gradient, logits

    v = errors(softmax(logits(network, x), axis=1))[np.arange(len(x)), labels]
    return gradient(network, x, torch.as_tensor(v).to(x))


def constants(split: LabelledImages, choices: dict[str, np.ndarray]) -> Sums:
    """M for every choice of rows, in one walk through the split's images."""
    network, start = split.images.network, 0
    zeros = {key: part.new_zeros(part.numel()).double() for key, part in network.named_parameters()}
    sums = {name: {key: zero.clone() for key, zero in zeros.items()} for name in choices}
    for x in split.images.batches:
        for name, rows in choices.items():
            here = rows[(rows >= start) & (rows < start + len(x))]
            if len(here):
                for key, part in term(network, x[here - start], split.labels[here]).items():
                    sums[name][key] += part.flatten()
        start += len(x)
    return sums


def shifted(g: Any, m: Any) -> Any:
    """||g + M||_1 of matrices g (N, V, O, K) for every M of m (R, O, K): (N, V, R), float64."""
    import torch

    g = g.double()
    return torch.stack([(g + one).abs_().sum((2, 3)) for one in m], dim=2)


class Method(batchgrad.Method):
    consumes = "network"

    def fit(self, train: LabelledImages, test: LabelledImages) -> Sums:
        of_train, of_test = self.choices(train, test)
        return constants(train, of_train) | constants(test, of_test)

    def score(self, images: Images, fitted: Sums) -> dict[str, np.ndarray]:
        import torch

        from ood.passes.parameter_gradients import Outer, errors, logits, reduced

        stacked = {key: torch.stack([m[key] for m in fitted.values()]) for key in next(iter(fitted.values()))}

        def norms(name: str, g: Outer) -> torch.Tensor:
            return g.summed(shifted, stacked[name].view(len(fitted), g.left.shape[2], -1))

        parts = {"weight": [], "weight_and_bias": []}
        for x in images.batches:
            p = softmax(logits(images.network, x), axis=1)
            sums = reduced(images.network, x, errors(p), norms)
            for parameters, l1 in sums.items():
                parts[parameters].append(-(p[..., np.newaxis] * l1).sum(axis=1))
        weight, both = (dict(zip(fitted, np.concatenate(rows).T, strict=True)) for rows in parts.values())
        return both | {f"{name} weight": weight[name] for name in ("train", "test")}
