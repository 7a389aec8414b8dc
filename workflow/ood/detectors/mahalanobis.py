"""Mahalanobis: the distance to the nearest class mean under one covariance.

Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks" (NeurIPS
2018). Score: max_c -1/2 (h - mu_c)^T P (h - mu_c), with the class means mu_c and the inverse P of the covariance of all
h - mu_c, divided by n (maximum likelihood, as scikit-learn's EmpiricalCovariance in the released code). Consumes
features and the labelled training split.

``penultimate`` is one layer's score, that of the pooled penultimate feature: no step on the input, no regression over
layers (mahalanobis_layers has both). Where the covariance is singular (a unit that is never active, fewer images than
features) P is its pseudo-inverse: directions in which no training image varies do not count.
"""

from typing import NamedTuple

import numpy as np

from ood.detectors import Detector, Features, Labelled
from ood.errors import Problem


class Gaussians(NamedTuple):
    """Classes with one covariance: the map to unit covariance (D, rank), and the class means in that space."""

    whiten: np.ndarray
    means: np.ndarray


def gaussians(h: np.ndarray, labels: np.ndarray) -> Gaussians:
    """Means and covariance of features (N, D) by label. Raises Problem where no class varies."""
    classes, place = np.unique(labels, return_inverse=True)
    means = np.stack([h[place == c].mean(axis=0) for c in range(len(classes))])
    centred = h - means[place]
    values, vectors = np.linalg.eigh(centred.T @ centred / len(h))
    kept = values > values[-1] * len(values) * np.finfo(float).eps
    if not kept.any():
        raise Problem("detector mahalanobis: the training features do not vary within any class. Is the network dead?")
    whiten = vectors[:, kept] / np.sqrt(values[kept])
    return Gaussians(whiten, means @ whiten)


def confidence(h, fitted: Gaussians):
    """max_c -1/2 (h - mu_c)^T P (h - mu_c) of h (N, D): (N,). All are arrays, or all tensors, in whose graph it is."""
    whitened = h @ fitted.whiten
    nearest = ((fitted.means**2).sum(1) / 2 - whitened @ fitted.means.T).argmin(1)
    return -0.5 * ((whitened - fitted.means[nearest]) ** 2).sum(1)


class Method(Detector):
    needs_train = True
    default = "penultimate"

    def fit(self, train: Labelled, test: Labelled) -> Gaussians:
        return gaussians(train.features.h, train.labels)

    def score(self, images: Features, fitted: Gaussians) -> dict[str, np.ndarray]:
        return {"penultimate": confidence(images.h, fitted)}
