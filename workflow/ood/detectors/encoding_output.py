"""The encoding-output family: U times V, a feature norm times an output term.

Igoe et al., "How Useful are Gradients for OOD Detection Really?" (2022), Table 2, Figure 2 and Appendix C. U is 1 or
||h||_p; V is Energy, TV = 1/2 sum_k |1/C - p_k|, MSP or VarSum = 1 - sum_k p_k (1 - p_k); T = 1. Consumes features.

p = 0 counts the non-zero features (the convention of numpy's and torch's norms): the printed p = 0 columns differ from
those of U = 1. ``varsum_mean`` = 1 - (1/C) sum_k p_k (1 - p_k) is not in the paper: the printed products with VarSum
fit this mean over classes rather than the sum that the text defines, and for U = 1 the two rank alike.
"""

import numpy as np

from ood.detectors import Detector, Features
from ood.passes import terms

ORDERS = (0, 0.1, 0.3, 0.5, 0.8, 1, 2, 3, 4, 5, 6, np.inf)
OUTPUTS = {
    "energy": terms.energy,
    "tv": lambda z: terms.uniform_distance(z) / 2,
    "msp": terms.msp,
    "varsum": lambda z: 1 - terms.variance_sum(z),
    "varsum_mean": lambda z: 1 - terms.variance_sum(z) / z.shape[1],
}


class Method(Detector):
    default = "U=norm1 V=energy"

    def score(self, images: Features, fitted: None) -> dict[str, np.ndarray]:
        features = {"1": np.ones(len(images.h)), **{f"norm{order:g}": terms.norm(images.h, order) for order in ORDERS}}
        outputs = {name: term(images.z) for name, term in OUTPUTS.items()}
        return {f"U={u} V={v}": features[u] * outputs[v] for v in outputs for u in features}
