"""ReAct: energy after the features are clipped from above.

Sun et al., "ReAct: Out-of-distribution Detection With Rectified Activations" (NeurIPS 2021). Score:
log sum_k exp(z'_k) with z' = W min(h, c) + b. Consumes features and the training split's features.

Where c comes from is where sources disagree. ``train_percentile`` (default): the 90th percentile of all entries of h
on the in-distribution training split, as GAIA's supplement says. ``fixed``: c = 1, as RG uses for BiT and the method's
own repository for ResNet-50.
"""

import numpy as np
from pydantic import Field

from ood import terms
from ood.detectors import Detector, Features


class Method(Detector):
    needs_train = True
    default = "train_percentile"

    percentile: float = Field(90.0, gt=0, lt=100)
    fixed: float = Field(1.0, gt=0)

    def fit(self, train: Features) -> float:
        """The threshold c."""
        return float(np.percentile(train.h, self.percentile))

    def score(self, images: Features, fitted: float) -> dict[str, np.ndarray]:
        return {
            name: terms.energy(np.minimum(images.h, ceiling) @ images.weight.T + images.bias)
            for name, ceiling in {"train_percentile": fitted, "fixed": self.fixed}.items()
        }
