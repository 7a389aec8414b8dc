"""Energy: the log-sum-exp of the logits.

Liu et al., "Energy-based Out-of-distribution Detection" (NeurIPS 2020). Score: T log sum_k exp(z_k / T), T = 1.
Consumes features; nothing is fitted.

GAIA's supplement (Eq. 12) prints the negative of this, calls it "negative energy" and says that higher is less
in-distribution; Igoe et al. and RG use the form below.
"""

import numpy as np
from pydantic import Field

from ood.detectors import Detector, Features
from ood.passes import terms


class Method(Detector):
    default = "energy"

    temperature: float = Field(1.0, gt=0, allow_inf_nan=False)

    def score(self, images: Features, fitted: None) -> dict[str, np.ndarray]:
        return {"energy": terms.energy(images.z, self.temperature)}
