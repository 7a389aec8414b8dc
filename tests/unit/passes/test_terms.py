"""Feature norms by hand and at the edges of float64; output terms at their extremes."""

import math

import numpy as np
import pytest

from ood.passes import terms


def test_norms_of_wide_features_stay_finite():
    ones = np.ones((1, 2048))
    assert terms.norm(ones, 0.1) == pytest.approx(2048.0**10, rel=1e-12)
    assert terms.norm(1e200 * ones, 6) == pytest.approx(1e200 * 2048 ** (1 / 6), rel=1e-12)
    h = np.random.default_rng(0).lognormal(size=(1, 2048))
    exact = math.exp(10 * math.log(math.fsum(math.exp(0.1 * math.log(value)) for value in h[0])))
    assert terms.norm(h, 0.1) == pytest.approx(exact, rel=1e-10)


def test_exact_zeros_count_in_no_norm():
    h = np.array([[0.0, 3.0, 0.0, -4.0]])
    orders = {0: 2, 0.5: (3**0.5 + 2) ** 2, 1: 7, 2: 5, np.inf: 4}
    for order, exact in orders.items():
        assert terms.norm(h, order) == pytest.approx(exact, rel=1e-14)
        assert terms.norm(0 * h, order) == 0


def test_output_terms_at_their_extremes():
    uniform, certain = np.full((1, 4), 3.0), np.array([[0.0, 800, 0, 0]])
    assert terms.msp(uniform) == 0.25 and terms.msp(certain) == 1
    assert terms.uniform_distance(uniform) == 0 and terms.uniform_distance(certain) == 1.5  # 2 (1 - 1/C)
    assert terms.variance_sum(uniform) == 0.75 and terms.variance_sum(certain) == 0
    assert terms.msp(np.array([[0.0, 2]]), 2) == pytest.approx(1 / (1 + math.exp(-1)))
    assert terms.energy(uniform, 2) == pytest.approx(3 + 2 * math.log(4)) and terms.energy(certain) == 800


def test_variances_of_a_network_that_is_nearly_sure_keep_their_digits():
    for gap in (10.0, 20.0, 30.0, 36.0, 40.0, 300.0):
        others = [math.exp(-gap - k) for k in range(9)]  # p / p_top
        total = math.fsum([1.0, *others])
        exact = math.fsum([math.fsum(others), *(a * (total - a) for a in others)]) / total**2
        z = np.array([[0.0, *(-gap - k for k in range(9))]])
        assert terms.variance_sum(z) == pytest.approx(exact, rel=1e-13, abs=0)


def test_clipping_is_from_above_only():
    assert terms.clipped_sum(np.array([[-3.0, 0.5, 2.0]]), 1).tolist() == [-1.5]
