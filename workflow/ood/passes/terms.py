"""The output terms V and feature terms U that scores are made of.

U is always the feature (encoding) part and V the output part, as in Igoe et al., "How Useful are Gradients for OOD
Detection Really?" (2022); "RG: Reactivate GradNorm" has the letters the other way round. z are logits (N, C), h
features (N, D), T the temperature; everything is float64 and comes back as (N,).
"""

import numpy as np
from scipy.special import logsumexp, softmax


def energy(z: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """T log sum_k exp(z_k / T)."""
    return temperature * logsumexp(z / temperature, axis=1)


def msp(z: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """max_k p_k."""
    return softmax(z / temperature, axis=1).max(axis=1)


def uniform_distance(z: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """sum_k |1/C - p_k|: twice the total variation distance between p and the uniform distribution."""
    return np.abs(softmax(z / temperature, axis=1) - 1 / z.shape[1]).sum(axis=1)


def variance_sum(z: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """sum_k p_k (1 - p_k): the summed variances of the one-hot label, in [0, 1 - 1/C]."""
    p = softmax(z / temperature, axis=1)
    return (p * complement(p)).sum(axis=1)


def complement(p: np.ndarray) -> np.ndarray:
    """1 - p of probabilities (N, C) that sum to 1; of the largest it is the sum of the others, to the last digit."""
    top = np.arange(p.shape[1]) == p.argmax(axis=1)[:, np.newaxis]
    return np.where(top, np.where(top, 0, p).sum(axis=1, keepdims=True), 1 - p)


def norm(h: np.ndarray, order: float) -> np.ndarray:
    """||h||_p; order 0 counts the non-zero entries, orders below 1 are quasi-norms, inf is the maximum.

    The largest entry is taken out before the powers: at p = 0.1 and D = 2048 the sum to the power 10 is near 1e33.
    """
    size = np.abs(h)
    if order == 0:
        return (size > 0).sum(axis=1).astype(float)
    largest = size.max(axis=1)
    if order == np.inf:
        return largest
    scale = np.where(largest > 0, largest, 1.0)
    return largest * ((size / scale[:, np.newaxis]) ** order).sum(axis=1) ** (1 / order)


def clipped_sum(h: np.ndarray, ceiling: float) -> np.ndarray:
    """sum_j min(h_j, k)."""
    return np.minimum(h, ceiling).sum(axis=1)
