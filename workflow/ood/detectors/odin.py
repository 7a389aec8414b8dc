"""ODIN: temperature scaling and a small step that makes the input look more in-distribution.

Liang et al., "Enhancing The Reliability of Out-of-distribution Image Detection in Neural Networks" (ICLR 2018).
x' = x - epsilon sign(d CE(z(x)/T, argmax z) / dx), score: max_k softmax(z(x') / T)_k. Consumes the network: one
gradient with respect to the input, then a second forward pass.

T = 1000 and epsilon = 0.004 are GAIA's values for CIFAR. Two variants, because sources disagree on the space of
epsilon: ``normalised`` (default; deeplearning-wisc/gradnorm_ood, which GAIA says it follows) steps in the normalised
input, ``pixel`` (facebookresearch/odin) divides the step by the normalisation's std, so that epsilon counts pixel
values in [0, 1]. sign(0) is +1, as in both. The softmax is float64: at T = 1000 all values lie near 1/C.
"""

import numpy as np
from pydantic import Field

from ood.detectors import Detector, Images
from ood.passes import terms


def ascent(values, x):
    """sign(d values / dx), +1 where that is zero: the step by which x (N, ...) raises ``values`` (N,), made of it."""
    import torch  # in the functions, so that reading the configuration does not load torch

    # The gradient of a sum: no image's step depends on its neighbours. The graph stays, for the next value.
    (gradient,) = torch.autograd.grad(values.sum(), x, retain_graph=True)
    return (gradient >= 0).to(x.dtype) * 2 - 1


class Method(Detector):
    consumes = "network"
    default = "normalised"

    temperature: float = Field(1000.0, gt=0, allow_inf_nan=False)
    epsilon: float = Field(0.004, ge=0, allow_inf_nan=False)

    def score(self, images: Images, fitted: None) -> dict[str, np.ndarray]:
        import torch

        std = torch.tensor(images.std).view(1, -1, 1, 1)
        spaces = {"normalised": torch.ones_like(std), "pixel": std}
        columns = {name: [] for name in spaces}
        for x in images.batches:
            if self.epsilon:
                sign = self._sign(images.network, x)
                for name, unit in spaces.items():
                    columns[name].append(self._msp(images.network, x - self.epsilon * sign / unit.to(x.device)))
            else:  # without a step one pass serves both
                score = self._msp(images.network, x)
                for parts in columns.values():
                    parts.append(score)
        return {name: np.concatenate(parts) for name, parts in columns.items()}

    def _msp(self, network, x) -> np.ndarray:
        import torch

        with torch.inference_mode():
            z = network(x)
        return terms.msp(z.double().cpu().numpy(), self.temperature)

    def _sign(self, network, x):
        import torch
        import torch.nn.functional as F

        with torch.enable_grad():
            x = x.detach().clone().requires_grad_()
            z = network(x) / self.temperature
            return ascent(F.cross_entropy(z, z.argmax(1), reduction="none"), x)
