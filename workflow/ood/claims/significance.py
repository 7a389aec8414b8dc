"""How sure is a difference? From its value for each seed and its bootstrap draws to p-values and an interval.

Two things could have come out otherwise: which images were drawn, and how training went. The draws vary with the
first, the seeds with the second; their variances are added and the difference referred to Student's t with Welch and
Satterthwaite's degrees of freedom. Where a seed's value holds noise of both kinds this counts some of it twice, so
that the error is rather too large than too small.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit


class Error(NamedTuple):
    """A standard error and its degrees of freedom."""

    standard: float
    freedom: float


def error(seeds: np.ndarray, draws: np.ndarray) -> Error:
    """Of a mean over seeds: ``seeds`` (S,) the value for each, ``draws`` (B,) of the mean, images resampled.

    The seeds' part is s^2 / S (a paired t-interval, where the value is a difference), with S - 1 degrees of freedom, 0
    for a single network; the images' part is the draws' variance, with B - 1. What does not vary is ().
    """
    parts = [(seeds.var(ddof=1) / seeds.size, seeds.size - 1)] if seeds.size > 1 else []
    parts += [(draws.var(ddof=1), draws.size - 1)] if draws.size > 1 else []
    total = sum(variance for variance, _ in parts)
    if total == 0:
        return Error(0.0, np.inf)
    return Error(float(np.sqrt(total)), float(total**2 / sum(variance**2 / freedom for variance, freedom in parts)))


def one_sided(value: float, spread: Error) -> tuple[float, float]:
    """p-values of "it is not above 0" and of "it is not below 0"; without any error 0 or 1, and both 1 for 0 itself."""
    if spread.standard == 0:
        return float(value <= 0), float(value >= 0)
    ratio = value / spread.standard
    return float(stdtr(spread.freedom, -ratio)), float(stdtr(spread.freedom, ratio))


def interval(value: float, spread: Error, confidence: float) -> tuple[float, float]:
    """The two-sided t-interval; the value itself, twice, without any error."""
    half = stdtrit(spread.freedom, (1 + confidence) / 2) * spread.standard if spread.standard else 0.0
    return float(value - half), float(value + half)


def holm(p: np.ndarray) -> np.ndarray:
    """p-values (n,) corrected for there being n of them (Holm 1979): comparable with the level of them all."""
    order = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(np.arange(len(p), 0, -1) * p[order]), 1)
    return corrected
