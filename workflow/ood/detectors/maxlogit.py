"""MaxLogit: the largest logit.

Hendrycks et al., "Scaling Out-of-Distribution Detection for Real-World Settings" (ICML 2022). Score: max_k z_k.
Consumes features; nothing is fitted. In no table of the three papers: it is the scalar that GAIA-Z differentiates.
"""

import numpy as np

from ood.detectors import Detector, Features


class Method(Detector):
    default = "maxlogit"

    def score(self, images: Features, fitted: None) -> dict[str, np.ndarray]:
        return {"maxlogit": images.z.max(axis=1)}
