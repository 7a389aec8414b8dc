"""ReAct: energy after the features are clipped from above.

Sun et al., "ReAct: Out-of-distribution Detection With Rectified Activations" (NeurIPS 2021). Score:
log sum_k exp(z'_k) with z' = W min(h, c) + b. Consumes features and the training split's features.

Where c comes from is where sources disagree. ``train_percentile`` (default): the 90th percentile of all entries of h
on the in-distribution training split, as GAIA's supplement says. ``test_percentile``: that of the first 2,000 images of
the test split, which are scored later, as the method's own code (deeplearning-wisc/react) has it. ``fixed``: c = 1, as
RG uses for BiT and the method's own repository for ResNet-50. ``rankfeat``: c = 1.25, which KingJamesSong/RankFeat
writes down as the 90th percentile of BiT-S R101x1.
"""

import numpy as np
from pydantic import Field

from ood.detectors import Detector, Features, Labelled
from ood.passes import terms

RANKFEAT = 1.25
FIRST = 2000  # images of the test split


class Method(Detector):
    needs_train = True
    default = "train_percentile"

    percentile: float = Field(90.0, gt=0, lt=100)
    fixed: float = Field(1.0, gt=0)

    def fit(self, train: Labelled, test: Labelled) -> dict[str, float]:
        """The threshold c by its rule."""
        seen = {"train_percentile": train.features.h, "test_percentile": test.features.h[:FIRST]}
        learnt = {rule: float(np.percentile(h, self.percentile)) for rule, h in seen.items()}
        return {**learnt, "fixed": self.fixed, "rankfeat": RANKFEAT}

    def score(self, images: Features, fitted: dict[str, float]) -> dict[str, np.ndarray]:
        return {
            rule: terms.energy(np.minimum(images.h, ceiling) @ images.weight.T + images.bias)
            for rule, ceiling in fitted.items()
        }
