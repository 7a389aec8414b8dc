"""KL-Matching: the divergence from the nearest class's typical prediction.

Hendrycks et al., "Scaling Out-of-Distribution Detection for Real-World Settings" (ICML 2022). With d_c the mean of p
over the images of class c, score: - min_c KL(p || d_c). Consumes features (their logits) and the in-distribution set's.

Definitions differ in which images d_c is a mean of. ``train_predicted`` (default): those of the training split that the
network *predicts* as c. The method asks for a held-out split by predicted class; most sets here have none, and
predictions on training images are more confident. ``test_labels``: those of the *test* split, which are scored later,
by their true label, as deeplearning-wisc/large_scale_ood does, whose number RG quotes. In both a class without images
has no template. d is floored at 1e-12, where that code divides by zero.

``one_hot`` gives a class that is never predicted a template all the same, certainty of that class, as OpenOOD does;
where every class is predicted it is the default. ``own_class`` measures the divergence from the template of the class
that is predicted, not from the nearest, as early releases of kkirchheim/pytorch-ood did; its templates are one_hot's.
"""

import numpy as np
from scipy.special import softmax, xlogy

from ood.detectors import Detector, Features, Labelled

FLOOR = 1e-12


def templates(z: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """d_c for each class that occurs among ``classes`` (N,), by rising number: (classes, C)."""
    p = softmax(z, axis=1)
    return np.stack([p[classes == c].mean(axis=0) for c in np.unique(classes)])


class Method(Detector):
    needs_train = True
    default = "train_predicted"

    def fit(self, train: Labelled, test: Labelled) -> dict[str, np.ndarray]:
        """The templates by variant."""
        z = train.features.z
        predicted = z.argmax(axis=1)
        typical = templates(z, predicted)
        complete = np.eye(z.shape[1])
        complete[np.unique(predicted)] = typical
        by_label = templates(test.features.z, test.labels)
        return {"train_predicted": typical, "test_labels": by_label, "one_hot": complete}

    def score(self, images: Features, fitted: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        p = softmax(images.z, axis=1)
        negative_entropy = xlogy(p, p).sum(axis=1)
        overlaps = {name: p @ np.log(np.maximum(d, FLOOR)).T for name, d in fitted.items()}
        nearest = {name: overlap.max(axis=1) - negative_entropy for name, overlap in overlaps.items()}
        own = overlaps["one_hot"][np.arange(len(p)), images.z.argmax(axis=1)]
        return nearest | {"own_class": own - negative_entropy}
