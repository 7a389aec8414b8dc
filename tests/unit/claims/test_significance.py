"""Errors, p-values, intervals and Holm's correction against scipy, closed forms and the definition."""

import itertools

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from ood.claims.significance import Error, error, holm, interval, one_sided
from ood.evaluation import evaluate

RNG = np.random.default_rng(7)


def test_seeds_alone_give_the_paired_t_test():
    first, second = RNG.normal(1, 1, 5), RNG.normal(0.3, 1, 5)
    seeds = first - second
    found = error(seeds, np.zeros(()))
    against, favour = one_sided(seeds.mean(), found)
    for p, alternative in ((against, "greater"), (favour, "less")):
        assert p == pytest.approx(stats.ttest_rel(first, second, alternative=alternative).pvalue, rel=1e-9)
    exact = stats.ttest_rel(first, second).confidence_interval(0.9)
    assert interval(seeds.mean(), found, 0.9) == pytest.approx((exact.low, exact.high), rel=1e-9)


def test_images_and_seeds_are_added_as_welch_and_satterthwaite_do():
    """Two independent means: Welch's test of two samples has the same error and degrees of freedom."""
    seeds, draws = RNG.normal(2, 1, 4), RNG.normal(0, 0.5, 50)
    found = error(seeds, draws)
    # A second sample whose mean is 0 and whose variance of the mean is the draws' variance.
    sample = (draws - draws.mean()) * np.sqrt(50)
    exact = stats.ttest_ind(seeds, sample, equal_var=False)
    assert found.freedom == pytest.approx(exact.df, rel=1e-9)
    assert seeds.mean() / found.standard == pytest.approx(exact.statistic, rel=1e-9)
    assert 2 * min(one_sided(seeds.mean(), found)) == pytest.approx(exact.pvalue, rel=1e-9)


def test_a_single_network_leaves_the_images():
    draws = RNG.normal(size=40)
    assert error(RNG.normal(size=1), draws) == pytest.approx(Error(draws.std(ddof=1), 39))


def test_two_seeds_have_a_spread_with_one_degree_of_freedom():
    assert error(np.array([1.0, 4.0]), np.zeros(())) == pytest.approx(Error(1.5, 1))


@pytest.mark.parametrize(("value", "expected"), [(0.5, (0, 1)), (-0.5, (1, 0)), (0, (1, 1))])
def test_without_any_error_the_sign_decides_and_zero_does_not(value, expected):
    nothing = error(np.full(4, value), np.full(30, value))
    assert nothing.standard == 0
    assert one_sided(value, nothing) == expected and interval(value, nothing, 0.95) == (value, value)


def test_an_average_over_images_has_its_closed_form_error():
    """The mean of n images resampled: sigma / sqrt(n), and scipy's bootstrap."""
    values = RNG.exponential(size=60)
    weights = evaluate.weights({"one": values}, 4000, seed=3)["one"]
    found = error(np.array([values.mean()]), values @ weights / 60)
    assert found.standard == pytest.approx(values.std() / np.sqrt(60), rel=0.05)
    again = stats.bootstrap((values,), np.mean, n_resamples=4000, rng=1)
    assert found.standard == pytest.approx(again.standard_error, rel=0.06)


def test_a_difference_of_two_auroc_has_the_error_of_delong():
    """Paired: both scores see the same resampled images; DeLong, DeLong and Clarke-Pearson 1988 in closed form."""
    common = RNG.normal(size=150)
    label = np.repeat([1, 0], [90, 60])
    scores = [common + label + RNG.normal(size=150) * noise for noise in (0.4, 0.8)]
    placements = [
        (
            (score[:90, None] > score[None, 90:]).mean(1),
            (score[:90, None] > score[None, 90:]).mean(0),
        )
        for score in scores
    ]
    parts = [placements[0][side] - placements[1][side] for side in (0, 1)]
    exact = np.sqrt(parts[0].var(ddof=1) / 90 + parts[1].var(ddof=1) / 60)
    drawn = evaluate.weights({"id": np.arange(90), "ood": np.arange(60)}, 2000, seed=0)
    draws = [evaluate.measure([s[:90]], [s[90:]], drawn["id"], drawn["ood"]).draws["AUROC"] for s in scores]
    assert error(np.zeros(1), draws[0] - draws[1]).standard == pytest.approx(exact, rel=0.07)
    assert placements[0][0].mean() == pytest.approx(roc_auc_score(label, scores[0]))
    assert exact < 0.8 * np.hypot(draws[0].std(), draws[1].std())  # unpaired resamples would not do


def test_holm_is_the_closure_of_bonferroni():
    """The corrected p of a claim: the largest of Bonferroni's over all groups of claims that it belongs to."""
    for p in RNG.uniform(0, 0.4, (20, 5)):
        groups = [g for size in range(1, 6) for g in itertools.combinations(range(5), size)]
        exact = [max(min(len(g) * p[list(g)].min(), 1) for g in groups if claim in g) for claim in range(5)]
        assert holm(p) == pytest.approx(exact, rel=1e-12)
