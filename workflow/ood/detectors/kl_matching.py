"""KL-Matching: the divergence from the nearest class's typical prediction.

Hendrycks et al., "Scaling Out-of-Distribution Detection for Real-World Settings" (ICML 2022). With d_c the mean of p
over the images of class c, score: - min_c KL(p || d_c). Consumes features (their logits) and the in-distribution set's.

Definitions differ in which images d_c is a mean of. ``train_predicted`` (default): those of the training split that the
network *predicts* as c. The method asks for a held-out split by predicted class; most sets here have none, and
predictions on training images are more confident. ``test_labels``: those of the *test* split, which are scored later,
by their true label, as deeplearning-wisc/large_scale_ood does, whose number RG quotes. A class without images has no
template. d is floored at 1e-12, where that code divides by zero.
"""

import numpy as np
from scipy.special import softmax, xlogy

from ood.detectors import Detector, Features, Labelled

FLOOR = 1e-12


def templates(z: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """log d_c for each class that occurs among ``classes`` (N,): (classes, C)."""
    p = softmax(z, axis=1)
    means = [p[classes == c].mean(axis=0) for c in np.unique(classes)]
    return np.log(np.maximum(means, FLOOR))


class Method(Detector):
    needs_train = True
    default = "train_predicted"

    def fit(self, train: Labelled, test: Labelled) -> dict[str, np.ndarray]:
        """The templates' logarithms by variant."""
        z = train.features.z
        return {
            "train_predicted": templates(z, z.argmax(axis=1)),
            "test_labels": templates(test.features.z, test.labels),
        }

    def score(self, images: Features, fitted: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        p = softmax(images.z, axis=1)
        negative_entropy = xlogy(p, p).sum(axis=1)
        return {name: (p @ log_d.T).max(axis=1) - negative_entropy for name, log_d in fitted.items()}
