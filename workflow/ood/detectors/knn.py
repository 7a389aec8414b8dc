"""KNN: the distance to the k-th nearest training feature.

Sun et al., "Out-of-Distribution Detection with Deep Nearest Neighbors" (ICML 2022). Score: - || u - u_(k) ||_2^2 for
the feature u = h / ||h||_2 and the k-th nearest such feature of the training split; squared, as in the released code
(deeplearning-wisc/knn-ood), which ranks alike. Exact search. Consumes features and the training split's features.

k = 50 is the paper's for CIFAR-10 and the code's for both CIFARs, 200 the paper's for CIFAR-100, 1000 that of both for
ImageNet. The default is 50 everywhere, so that a row means the same on all benchmarks and also exists where training
images are few; a benchmark's own k is the column beside it. All are of whole training sets: of fewer images the same k
is a larger share. A k above the number of training images has no column. The code divides by the norm before it adds
1e-10, so a zero feature is not a number there; here it stays zero, at distance 1 from every other.
"""

from typing import Annotated

import numpy as np
from pydantic import Field

from ood.detectors import Detector, Features, Labelled
from ood.errors import Problem

DEFAULT = 50
MEMORY = 64  # MiB of distances at a time


def unit(h: np.ndarray) -> np.ndarray:
    """h / ||h||_2 by row, zero rows unchanged."""
    length = np.linalg.norm(h, axis=1, keepdims=True)
    return h / np.where(length > 0, length, 1)


class Method(Detector):
    needs_train = True
    default = f"k={DEFAULT}"

    neighbours: tuple[Annotated[int, Field(gt=0)], ...] = (DEFAULT, 200, 1000)

    def fit(self, train: Labelled, test: Labelled) -> np.ndarray:
        """The training split's unit features (n, D). Raises Problem where they are too few for the default k."""
        if len(train.labels) < DEFAULT:
            raise Problem(f"detector knn: {len(train.labels)} training images, at least {DEFAULT} are needed.")
        return unit(train.features.h)

    def score(self, images: Features, fitted: np.ndarray) -> dict[str, np.ndarray]:
        from sklearn import config_context  # here: reading the configuration does not load it
        from sklearn.metrics import pairwise_distances_chunked
        from sklearn.utils.extmath import row_norms

        orders = [k for k in sorted({DEFAULT, *self.neighbours}) if k <= len(fitted)]

        def kth(squares: np.ndarray, start: int) -> np.ndarray:
            # No sort, as there are few k; the largest first, as the others are among the distances before it. One at
            # a time: numpy then selects with vector instructions, several times as fast as all of them in one call.
            columns = []
            for k in reversed(orders):
                squares.partition(k - 1, axis=1)
                columns.append(squares[:, k - 1].copy())
                squares = squares[:, : k - 1]
            return np.stack(columns[::-1], axis=1)

        # What concerns all training images is done once: their squares here, the search for NaNs where they are read.
        options = {"metric": "euclidean", "squared": True, "working_memory": MEMORY}
        options["Y_norm_squared"] = row_norms(fitted, squared=True)
        with config_context(assume_finite=True):
            parts = [*pairwise_distances_chunked(unit(images.h), fitted, reduce_func=kth, **options)]
        squares = np.concatenate(parts)
        return {f"k={k}": -column for k, column in zip(orders, squares.T, strict=True)}
