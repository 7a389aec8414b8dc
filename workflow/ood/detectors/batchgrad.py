"""BatchGrad: ExGrad with the gradients of one labelled image per class added, for the last layer, in closed form.

Igoe et al., "How Useful are Gradients for OOD Detection Really?" (2022), Eq. 6 and Table 3.
S = E_{Y~p} || d (log p_Y(x) + sum_i log p_i(x_i)) / dW ||_1, where x_i is an in-distribution image of class i, the
prototype. With M = sum_i (e_i - p(x_i)) h(x_i)^T and the bias as a feature that is always 1,
S = sum_y p_y sum_kj |(delta_ky - p_k) h_j + M_kj| = sum_k p_k A_k(1 - p_k) + (1 - p_k) A_k(-p_k) with
A_k(c) = sum_j |c h_j + M_kj|: 2 C D terms instead of C^2 D. As E_Y[g_Y] = 0, S is at least ||M||_1 and grows with
doubt: the score is -S. Consumes features and labelled images.

Paper and code (cvigoe/EpiGrad) disagree twice. The paper takes prototypes from the training set: ``train`` (default)
is the first image of each class, ``train draw=...`` are random ones, since the paper does not say which. The code takes
the first of each class from the *test* loader, images that are scored too: ``test``. All include the bias, as the code
does; ``train weight`` and ``test weight`` follow the paper's derivation. For SVHN the code shifts labels by one, so
that one class has no prototype: ``test without=0`` leaves out digit 0. A class without an image has no term in M.
"""

import numpy as np
from pydantic import Field
from scipy.special import softmax

from ood.detectors import Detector, Features, Labelled, LabelledImages

Known = Labelled | LabelledImages
BLOCK = 2**15  # features at a time, of as many images: what is summed over stays in the processor's cache


def prototypes(split: Known, order: np.ndarray | None = None) -> np.ndarray:
    """Rows of the first image of each class that occurs, in the split's order or the given one."""
    order = np.arange(len(split.labels)) if order is None else order
    return order[np.unique(split.labels[order], return_index=True)[1]]


def constant(split: Labelled, rows: np.ndarray) -> np.ndarray:
    """M, the summed gradients of the prototypes: (C, D + 1), the last column the bias's."""
    h, p = split.features.h[rows], softmax(split.features.z[rows], axis=1)
    residual = np.eye(p.shape[1])[split.labels[rows]] - p
    return residual.T @ np.column_stack([h, np.ones(len(h))])


def expected_norm(h: np.ndarray, p: np.ndarray, m: np.ndarray) -> np.ndarray:
    """E_{Y~p} || (e_Y - p) h^T + M ||_1 for h (N, D), p (N, C) and M (C, D): (N,)."""
    total = np.zeros(len(h))
    for p_k, m_k in zip(p.T, m, strict=True):
        for probability, factor in ((p_k, 1 - p_k), (1 - p_k, -p_k)):
            gradient = factor[:, np.newaxis] * h
            gradient += m_k
            total += probability * np.abs(gradient, out=gradient).sum(axis=1)
    return total


class Method(Detector):
    needs_train = True
    gradient = True
    default = "train"

    draws: int = Field(3, ge=0)
    seed: int = Field(0, ge=0)
    without: int = Field(0, ge=0)

    def choices(self, train: Known, test: Known) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """The prototypes' rows by the variant's name: in the training split, and in the test split."""
        rng = np.random.default_rng(self.seed)
        drawn = [prototypes(train, rng.permutation(len(train.labels))) for _ in range(self.draws)]
        seen = prototypes(test)
        return (
            {"train": prototypes(train), **{f"train draw={draw}": rows for draw, rows in enumerate(drawn, 1)}},
            {"test": seen, f"test without={self.without}": seen[test.labels[seen] != self.without]},
        )

    def fit(self, train: Labelled, test: Labelled) -> dict[str, np.ndarray]:
        """M by its variant's name."""
        parts = zip((train, test), self.choices(train, test), strict=True)
        return {name: constant(split, rows) for split, choices in parts for name, rows in choices.items()}

    def score(self, images: Features, fitted: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        p = softmax(images.z, axis=1)
        parts = {name: np.empty((len(p), 2)) for name in fitted}  # the weight's and the bias's
        size = max(BLOCK // images.h.shape[1], 1)
        for start in range(0, len(p), size):
            rows = slice(start, start + size)
            h, one = images.h[rows], np.ones((len(p[rows]), 1))
            for name, m in fitted.items():
                parts[name][rows, 0] = expected_norm(h, p[rows], m[:, :-1])
                parts[name][rows, 1] = expected_norm(one, p[rows], m[:, -1:])
        columns = {name: -part.sum(axis=1) for name, part in parts.items()}
        return columns | {f"{name} weight": -parts[name][:, 0] for name in ("train", "test")}
