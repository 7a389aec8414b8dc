"""The seven gradient scores of Igoe et al., for the last layer, in closed form.

Igoe et al., "How Useful are Gradients for OOD Detection Really?" (2022), Table 1 and Appendix A. g_y is the gradient of
log p_y for the head's parameters: the outer product of e_y - p and h, so that ||g_y||_1 = 2 a1 (1 - p_y) and
||g_y||_2^2 = a2 (1 - 2 p_y + s2), with a1 = ||h||_1, a2 = ||h||_2^2, s2 = sum_k p_k^2. Consumes features; T = 1.

== ================================== ==================================== ===== ==========
id as printed                         closed form                          sign  where
== ================================== ==================================== ===== ==========
S1 || E_p[g_Y] ||_2^2                 0                                    none  ``s1``
S2 E_uniform || g_Y ||_1              2 a1 (1 - 1/C)                       +     here
S3 E_uniform || g_Y ||_2^2            a2 (1 - 2/C + s2)                    +     here
S4 || grad E_uniform log p_Y ||_1     a1 sum_k |1/C - p_k|                 +     gradnorm
S5 E_p[log p_Y / p_Y || g_Y ||_2^2]   a2 sum_y log p_y (1 - 2 p_y + s2)    -     here
S6 E_p || g_Y ||_2^2                  a2 sum_k p_k (1 - p_k)               -     here
S7 E_p || g_Y ||_1                    2 a1 sum_k p_k (1 - p_k)             -     exgrad
== ================================== ==================================== ===== ==========

The paper prints no signs and says that a score above a threshold is OOD, which cannot hold for all of them; the sign
here is each formula's own direction. Paper and code disagree on the parameters: ``weight`` is the paper's derivation,
``weight_and_bias`` (default) the code behind its small-scale tables (cvigoe/EpiGrad), where the bias is a feature that
is always 1: a1 and a2 grow by 1. Here the code's is the default, beside whose numbers these stand; ``exgrad`` and
``gradnorm``, methods of their own, follow the derivation. The default column is S6, the best of these four in the
paper's Table 1.

S1 is no score and has no column: sum_y p_y grad log p_y = grad sum_y p_y = 0 for every image, at any depth. Its printed
AUROCs rank rounding errors. S2 says nothing about the output: it is ||h||_1 up to constants.
"""

import numpy as np
from scipy.special import log_softmax, softmax

from ood.detectors import Detector, Features
from ood.passes import terms

PARAMETERS = {"weight": 0, "weight_and_bias": 1}  # features that are always 1


def expected_error(z: np.ndarray, dtype: type) -> np.ndarray:
    """E_p[e_Y - p]: zero, (N, C). What comes back is the rounding of ``dtype``, summed class by class as published."""
    p = softmax(z.astype(dtype), axis=1)
    expected = np.zeros_like(p)
    for y, one_hot in enumerate(np.eye(p.shape[1], dtype=dtype)):
        expected += p[:, [y]] * (one_hot - p)
    return expected


def s1(images: Features, dtype: type = float) -> np.ndarray:
    """S1, not a score: zero, (N,), but for the rounding of ``dtype``; ||h||_2^2, which half overflows, is float64."""
    return (terms.norm(images.h, 2) ** 2 + 1) * (expected_error(images.z, dtype) ** 2).sum(axis=1)


class Method(Detector):
    gradient = True
    default = "S6 weight_and_bias"

    def score(self, images: Features, fitted: None) -> dict[str, np.ndarray]:
        log_p = log_softmax(images.z, axis=1)  # finite where p underflows
        p, classes = np.exp(log_p), images.z.shape[1]
        variance = terms.variance_sum(images.z)  # 1 - s2
        errors = 2 - variance[:, np.newaxis] - 2 * p  # || e_y - p ||_2^2 for every y
        outputs = {
            "S2": (1, np.full(len(p), 2 * (1 - 1 / classes))),
            "S3": (2, 2 - 2 / classes - variance),
            "S5": (2, -(log_p * errors).sum(axis=1)),
            "S6": (2, -variance),
        }
        powers = {order: terms.norm(images.h, order) ** order for order in (1, 2)}
        return {
            f"{name} {parameters}": (powers[order] + ones) * output
            for name, (order, output) in outputs.items()
            for parameters, ones in PARAMETERS.items()
        }
