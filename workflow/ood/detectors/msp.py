"""MSP: the maximum softmax probability.

Hendrycks and Gimpel, "A Baseline for Detecting Misclassified and Out-of-Distribution Examples in Neural Networks"
(ICLR 2017). Score: max_k p_k. Consumes features; nothing is fitted.

In float32 confident inputs saturate at exactly 1 and tie; the softmax is therefore taken in float64.
"""

import numpy as np

from ood.detectors import Detector, Features
from ood.passes import terms


class Method(Detector):
    default = "msp"

    def score(self, images: Features, fitted: None) -> dict[str, np.ndarray]:
        return {"msp": terms.msp(images.z)}
