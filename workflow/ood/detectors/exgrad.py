"""ExGrad: the expected L1 norm of the gradient of the log-likelihood, in closed form.

Igoe et al., "How Useful are Gradients for OOD Detection Really?" (2022), Eq. 5 and Appendix B.
E_{Y~p} || d log p_Y / dW ||_1 = (2/T) ||h||_1 sum_k p_k (1 - p_k) for the head's weight W. It is low for confident
inputs, so the score is its negative. Consumes features.

``weight`` (default) follows the paper's derivation; ``weight_and_bias`` the code of its small-scale half
(cvigoe/EpiGrad), where the head's bias counts as a feature that is always 1. RG (Section 3.1) reads the direction the
other way round; Igoe's own numbers decide for the sign used here.
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
        output = 2 * terms.variance_sum(images.z, self.temperature) / self.temperature
        return {"weight": -feature * output, "weight_and_bias": -(feature + 1) * output}
