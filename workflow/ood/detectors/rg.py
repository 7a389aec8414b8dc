"""RG: energy and the clipped feature sum, multiplied or added.

"RG: Out-of-distribution Detection with Reactivate GradNorm", Eq. 8 and 12. E = T log sum_k exp(z_k / T),
F = sum_j min(h_j, k); the logits are those of the unclipped features, unlike ReAct's. Consumes features, and of the
training split what alpha_s needs.

``k=... T=...``: E F, default k = 1 and T = 1; the sweeps of Tables 3 (k at T = 1; k = inf is Igoe's ||h||_1 x Energy)
and 4 (T at k = 1). ``additive alpha=...*alpha_s``: E + alpha F (Table 5) with k = 1, which the paper does not state.
It says that alpha_s makes the standard deviations of the two terms "close" on 1,000 random training images: here it is
their quotient, over all images where there are fewer. ``U=clip V=1`` and ``U=clip V=tv`` are the rows of Table 2 that
no other detector has: F alone (RG: U = 1, V = ours), and F TV (RG: U = GN, V = ours). RG's letters are the other way
round; below its table it speaks of V where energy stands and of U where the clipped norm does, so that its own letters
are swapped there. The other rows: gradnorm ``weight``, ``k=inf T=1``, energy, ``k=1 T=1``. As neither part is one of a
gradient's any more, RG does not count as ``gradient``.

Of what the paper writes down and does not evaluate: ``additive alpha=1`` is Eq. 11 but for a constant; ``U=smooth
V=energy`` is E sum_j (1 - exp(-h_j^2)), of which F is an approximation; ``exp gradient`` is the logarithm of Eq. 5, the
L1 norm of the gradient of sum_k exp(z_k) with respect to the last layer's weight: E + log ||h||_1. The text gives it
the U of Eq. 4, ExGrad's.
"""

from typing import Annotated

import numpy as np
from pydantic import Field

from ood.detectors import Detector, Features, Labelled
from ood.errors import Problem
from ood.passes import terms

SMALLEST = np.finfo(float).tiny  # whose logarithm stands for that of a zero feature
Positive = Annotated[float, Field(gt=0)]
Finite = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Method(Detector):
    needs_train = True
    default = "k=1 T=1"

    clips: tuple[Positive, ...] = (0.1, 0.3, 0.5, 0.7, 1, 2, 3, 5, np.inf)
    temperatures: tuple[Finite, ...] = (0.5, 1, 2, 4, 8, 16, 32, 64)
    ratios: tuple[Finite, ...] = (0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.2)
    sample: int = Field(1000, gt=1)
    seed: int = Field(0, ge=0)

    def fit(self, train: Labelled, test: Labelled) -> float:
        """alpha_s. Raises Problem where the clipped feature sum does not vary."""
        count = len(train.labels)
        rows = np.random.default_rng(self.seed).permutation(count)[: self.sample]
        spread = np.std(terms.clipped_sum(train.features.h[rows], 1))
        if spread == 0:
            raise Problem(f"detector rg: sum_j min(h_j, 1) is the same for {len(rows)} training images: no alpha_s.")
        return float(np.std(terms.energy(train.features.z[rows])) / spread)

    def score(self, images: Features, fitted: float) -> dict[str, np.ndarray]:
        sweep = [(1, 1), *((clip, 1) for clip in self.clips), *((1, temperature) for temperature in self.temperatures)]
        columns = {
            f"k={clip:g} T={temperature:g}": terms.energy(images.z, temperature) * terms.clipped_sum(images.h, clip)
            for clip, temperature in sweep
        }
        energy, clipped = terms.energy(images.z), terms.clipped_sum(images.h, 1)
        for ratio in self.ratios:
            columns[f"additive alpha={ratio:g}*alpha_s"] = energy + ratio * fitted * clipped
        columns["additive alpha=1"] = energy + clipped
        columns["U=smooth V=energy"] = energy * -np.expm1(-np.square(images.h)).sum(axis=1)
        columns["exp gradient"] = energy + np.log(np.maximum(terms.norm(images.h, 1), SMALLEST))
        columns["U=clip V=1"] = clipped
        columns["U=clip V=tv"] = clipped * terms.uniform_distance(images.z) / 2
        return columns
