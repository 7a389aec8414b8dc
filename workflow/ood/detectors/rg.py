"""RG: energy times the clipped feature sum.

"RG: Out-of-distribution Detection with Reactivate GradNorm", Eq. 8.
S = T log sum_k exp(z_k / T) * sum_j min(h_j, k), default k = 1 and T = 1. The logits are those of the unclipped
features, unlike ReAct's. Consumes features. The columns are the sweeps of the paper's Tables 3 (k at T = 1; k = inf is
Igoe's ||h||_1 x Energy) and 4 (T at k = 1).
"""

from typing import Annotated

import numpy as np
from pydantic import Field

from ood import terms
from ood.detectors import Detector, Features

Positive = Annotated[float, Field(gt=0)]
Finite = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Method(Detector):
    default = "k=1 T=1"

    clips: tuple[Positive, ...] = (0.1, 0.3, 0.5, 0.7, 1, 2, 3, 5, np.inf)
    temperatures: tuple[Finite, ...] = (0.5, 1, 2, 4, 8, 16, 32, 64)

    def score(self, images: Features, fitted: None) -> dict[str, np.ndarray]:
        sweep = [(1, 1), *((clip, 1) for clip in self.clips), *((1, temperature) for temperature in self.temperatures)]
        return {
            f"k={clip:g} T={temperature:g}": terms.energy(images.z, temperature) * terms.clipped_sum(images.h, clip)
            for clip, temperature in sweep
        }
