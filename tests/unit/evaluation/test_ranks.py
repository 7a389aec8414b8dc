"""Average ranks, Nemenyi's critical difference and groups, against Demsar's numbers and by hand."""

import numpy as np
import pytest
from scipy.stats import chi2

from ood.evaluation.ranks import cliques, compare, critical_difference


@pytest.mark.parametrize(("methods", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_the_quantiles_of_demsars_table_5a(methods, q):
    assert critical_difference(methods, 6, 0.95) == pytest.approx(q * np.sqrt(methods * (methods + 1) / 36), abs=1.1e-3)


def test_demsars_example():
    """Four methods on 14 sets: 1.25 (Section 3.2.4)."""
    assert critical_difference(4, 14, 0.95) == pytest.approx(1.25, abs=0.005)


def test_compared_by_hand():
    """Higher is better; equal values share a rank; Friedman's statistic with its correction for ties."""
    values = np.array([[0.9, 0.8, 0.7], [0.9, 0.5, 0.6], [0.7, 0.7, 0.1], [0.9, 0.4, 0.3]])
    found = compare(values, 0.95)
    assert found.ranks == pytest.approx([(1 + 1 + 1.5 + 1) / 4, (2 + 3 + 1.5 + 2) / 4, (3 + 2 + 3 + 3) / 4])
    spread = 12 / (4 * 3 * 4) * (4.5**2 + 8.5**2 + 11**2) - 3 * 4 * 4
    statistic = spread / (1 - 6 / (4 * (27 - 3)))  # one tie of two: 2^3 - 2
    assert found.statistic == pytest.approx(statistic) and found.p == pytest.approx(chi2.sf(statistic, 2))
    assert found.distance == critical_difference(3, 4, 0.95)


@pytest.mark.parametrize(
    ("ranks", "distance", "groups"),
    [
        ([3.1, 1.0, 2.0], 1.0, [(1.0, 2.0)]),
        ([1.0, 2.0, 3.0, 4.0], 2.0, [(1.0, 3.0), (2.0, 4.0)]),
        ([1.0, 1.5, 4.0, 4.5, 5.0], 1.0, [(1.0, 1.5), (4.0, 5.0)]),
        ([1.0, 2.5, 4.0], 1.0, []),
        ([2.0, 2.0, 2.0], 0.5, [(2.0, 2.0)]),
    ],
    ids=["at the distance", "overlapping", "none inside another", "all apart", "all equal"],
)
def test_groups_that_do_not_differ(ranks, distance, groups):
    assert cliques(np.array(ranks), distance) == groups
