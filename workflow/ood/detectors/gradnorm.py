"""GradNorm: the L1 norm of a gradient of the head, in closed form.

Huang, Geng and Li, "On the Importance of Gradients for Detecting Distributional Shifts in the Wild" (NeurIPS 2021).
S = || d KL(uniform || softmax(z/T)) / dW ||_1 over the head's weight = (1/T) ||h||_1 sum_k |1/C - p_k|; the gradient
is the outer product of p/T - 1/(C T) and h, so its L1 norm is a product and needs no backward pass. Consumes features.

``weight`` (default) is the released code (deeplearning-wisc/gradnorm_ood), which differentiates sum_k -log p_k, C
times the divergence: a constant. ``weight_and_bias`` adds the bias's gradient, as cvigoe/EpiGrad does for the
small-scale tables of Igoe et al.: the bias is a feature that is always 1.
"""

import numpy as np
from pydantic import Field

from ood.detectors import Detector, Features
from ood.passes import terms


class Method(Detector):
    gradient = True
    default = "weight"

    temperature: float = Field(1.0, gt=0, allow_inf_nan=False)

    def score(self, images: Features, fitted: None) -> dict[str, np.ndarray]:
        feature = terms.norm(images.h, 1)
        output = terms.uniform_distance(images.z, self.temperature) / self.temperature
        return {"weight": feature * output, "weight_and_bias": (feature + 1) * output}
