"""Spread over seeds and uncertainty from the finite number of images."""

import numpy as np


def sample_std(values: np.ndarray) -> float:
    """Standard deviation over seeds with n - 1 in the denominator; NaN for one seed."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def bootstrap_weights(count: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of ``count`` images occurs in each of ``draws`` resamples of that size: (count, draws)."""
    return np.ascontiguousarray(rng.multinomial(count, np.full(count, 1 / count), size=draws).T, float)


def interval(draws: np.ndarray, confidence: float) -> tuple[float, float]:
    """The bootstrap percentile interval."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return float(low), float(high)
