"""Which of many methods differ: average ranks over blocks, Friedman's test, Nemenyi's critical difference.

Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets" (JMLR 2006), Section 3.2. A block is what all
methods were measured on, here an OOD set and a network. Blocks that share images or networks are not independent, so a
difference found here is a lower bar than the verdicts on claims, which resample images and networks
(ood.claims.verdicts).
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import friedmanchisquare, rankdata, studentized_range


class Comparison(NamedTuple):
    """Of k methods: average ``ranks`` (k,), 1 the best; Friedman's ``statistic`` and its ``p``; how far apart two
    average ranks must be to differ (``distance``)."""

    ranks: np.ndarray
    statistic: float
    p: float
    distance: float


def critical_difference(methods: int, blocks: int, confidence: float) -> float:
    """Nemenyi's: q sqrt(k (k + 1) / (6 N)), q the quantile of the studentized range over sqrt(2)."""
    q = studentized_range.ppf(confidence, methods, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(methods * (methods + 1) / (6 * blocks)))


def compare(values: np.ndarray, confidence: float) -> Comparison:
    """Methods by values (N, k), higher is better; equal values share the mean of their ranks. k is 3 or more."""
    ranks = rankdata(-values, axis=1).mean(axis=0)
    statistic, p = friedmanchisquare(*values.T)
    return Comparison(ranks, float(statistic), float(p), critical_difference(*values.T.shape, confidence))


def cliques(ranks: np.ndarray, distance: float) -> list[tuple[float, float]]:
    """The first and last average rank of every largest group, of two or more, whose members do not differ."""
    ordered = np.sort(ranks)
    last = np.searchsorted(ordered, ordered + distance, side="right") - 1
    return [
        (float(ordered[start]), float(ordered[end]))
        for start, end in enumerate(last)
        if end > start and (start == 0 or end > last[start - 1])
    ]
