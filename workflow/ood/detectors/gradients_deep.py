"""The gradient scores of Igoe et al. for all parameters of the network.

Igoe et al., "How Useful are Gradients for OOD Detection Really?" (2022), Table 1 and Appendix A, rows "Deep". g_y is
the gradient of log p_y; formulas and signs are those of ood.detectors.gradients, which has the last layer's:

    S2 = E_uniform ||g_Y||_1    S3 = E_uniform ||g_Y||_2^2    S4 = ||E_uniform g_Y||_1, GradNorm
    S5 = -sum_y log p_y ||g_y||_2^2    S6 = -E_p ||g_Y||_2^2    S7 = -E_p ||g_Y||_1, ExGrad

The expectations' p are constants. ``weight`` leaves out the biases and the shifts of normalisation layers, whose scales
are weights; ``weight_and_bias`` takes all. The default column is S7, the best of the deep ones in the paper's Table 1.
S1 is no score and has no column: E_p g_Y is zero at any depth.

Consumes the network: a backward pass for every class, and one for S4 (ood.passes.parameter_gradients).
"""

from typing import Any

import numpy as np
from scipy.special import log_softmax

from ood.detectors import Detector, Images


def columns(network: Any, x: Any) -> dict[str, np.ndarray]:
    """The scores of images x (N, ...)."""
    from ood.passes.parameter_gradients import (  # here, so that reading the configuration needs no torch
        errors,
        logits,
        norms,
        reduced,
    )

    log_p = log_softmax(logits(network, x), axis=1)  # finite where p underflows
    p = np.exp(log_p)
    v = errors(p)
    v = np.append(v, v.mean(axis=1, keepdims=True), axis=1)
    found = {}
    for parameters, sums in reduced(network, x, v, norms).items():
        l1, squared = sums[:, :-1, 0], sums[:, :-1, 1]
        scores = {
            "S2": l1.mean(axis=1),
            "S3": squared.mean(axis=1),
            "S4": sums[:, -1, 0],
            "S5": -(log_p * squared).sum(axis=1),
            "S6": -(p * squared).sum(axis=1),
            "S7": -(p * l1).sum(axis=1),
        }
        found |= {f"{name} {parameters}": values for name, values in scores.items()}
    return found


class Method(Detector):
    consumes = "network"
    gradient = True
    default = "S7 weight_and_bias"

    def score(self, images: Images, fitted: None) -> dict[str, np.ndarray]:
        parts = [columns(images.network, x) for x in images.batches]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
