"""Every metric against scikit-learn or against its convention, typed anew as a loop over scores."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from ood.evaluation.metrics import INTERVALS, METRICS, Ranking


def measured(ids, oods, id_weights=None, ood_weights=None) -> dict[str, np.ndarray]:
    ids, oods = np.asarray(ids, dtype=float), np.asarray(oods, dtype=float)
    weights = [
        np.ones(len(part)) if given is None else given for part, given in ((ids, id_weights), (oods, ood_weights))
    ]
    counts = Ranking(ids, oods).counts(*weights)
    return {name: metric(counts) for name, metric in METRICS.items()}


def project(ids, oods) -> float:
    """The largest tau with P(s >= tau) >= 0.95; accepted: t >= tau. Counted in integers."""
    tau = max(value for value in ids if 20 * np.sum(ids >= value) >= 19 * len(ids))
    return np.mean(oods >= tau)


def gaia(ids, oods) -> float:
    """tau is the ID score at index round(0.05 n) in rising order; accepted: t > tau."""
    return np.mean(oods > np.sort(ids)[round(0.05 * len(ids))])


def nearest(ids, oods) -> float:
    """Of the distinct scores of both sets, from the highest with full recall upwards, the first nearest to 0.95."""
    found, share = np.inf, None
    for tau in np.unique(np.concatenate([ids, oods])):
        if tau <= ids.min() or abs(np.mean(ids >= tau) - 0.95) < found:
            found, share = abs(np.mean(ids >= tau) - 0.95), np.mean(oods >= tau)
    return share


def ood_positive(ids, oods) -> float:
    """OpenOOD: OOD is the positive class of the negated score; false positive rate at a true positive rate of 0.95."""
    labels = np.concatenate([np.zeros(len(ids)), np.ones(len(oods))])
    false, true, _ = roc_curve(labels, -np.concatenate([ids, oods]), drop_intermediate=False)
    return false[np.argmax(true >= 0.95)]


def sklearn_values(ids, oods, weights=None) -> dict[str, float]:
    labels, scores = np.repeat([1, 0], [len(ids), len(oods)]), np.concatenate([ids, oods])
    area = roc_auc_score(labels, scores, sample_weight=weights)
    return {
        "AUROC": area,
        "AUROC_pairwise_flip": max(area, 1 - area),
        "AUPR_in": average_precision_score(labels, scores, sample_weight=weights),
        "AUPR_out": average_precision_score(1 - labels, -scores, sample_weight=weights),
    }


FPR95 = {
    "FPR95": project,
    "FPR95_gaia": gaia,
    "FPR95_nearest": nearest,
    "FPR95_ood_positive": ood_positive,
}


def draw(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random sizes (from one image up), overlaps and directions; every third set is full of ties."""
    rng = np.random.default_rng(seed)
    ids, oods = rng.normal(rng.uniform(-1, 3), 1, rng.integers(1, 90)), rng.normal(0, 1, rng.integers(1, 90))
    return (ids, oods) if seed % 3 else (np.round(ids), np.round(oods))


@pytest.mark.parametrize("start", range(0, 400, 100))
def test_random_scores(start):
    for seed in range(start, start + 100):
        ids, oods = draw(seed)
        expected = sklearn_values(ids, oods) | {name: literal(ids, oods) for name, literal in FPR95.items()}
        found = measured(ids, oods)
        assert set(found) == set(expected)
        assert found == {name: pytest.approx(value, abs=1e-12) for name, value in expected.items()}, seed


@pytest.mark.parametrize("size", [1, 10, 19, 20, 21, 30, 50, 70, 100, 359, 1000])
def test_thresholds_at_every_size(size):
    """Where 0.05 n is whole, half or neither; an OOD image sits on, above and below every ID score."""
    ids = np.arange(size, dtype=float)
    oods = np.concatenate([ids, ids + 0.25, ids - 0.25])
    found = measured(ids, oods)
    for name, literal in FPR95.items():
        assert found[name] == pytest.approx(literal(ids, oods), abs=1e-12), name


def test_by_hand():
    ids, oods = [1, 2, 3, 3], [0, 2, 3]
    found = measured(ids, oods)
    wins = 4 + (1 / 2 + 2) + (2 / 2)  # against 0: all; against 2: a tie and both 3s; against 3: two ties
    assert found["AUROC"] == pytest.approx(wins / 12)
    assert found["FPR95"] == found["FPR95_nearest"] == pytest.approx(2 / 3)  # tau = 1
    assert found["FPR95_gaia"] == pytest.approx(2 / 3)  # tau = 1, strictly above
    assert found["FPR95_ood_positive"] == 1  # 95 % of three OOD images is all of them
    assert found["AUPR_in"] == pytest.approx(1 / 2 * 2 / 3 + 1 / 4 * 3 / 5 + 1 / 4 * 4 / 6)
    assert found["AUPR_out"] == pytest.approx(1 / 3 * 1 + 1 / 3 * 2 / 4 + 1 / 3 * 3 / 7)


def test_conventions_part_on_ties():
    constant = measured(np.full(50, 0.5), np.full(30, 0.5))
    assert constant["AUROC"] == 0.5
    assert (constant["FPR95"], constant["FPR95_nearest"], constant["FPR95_gaia"]) == (1, 1, 0)
    tied = measured([0, 0, *range(1, 19)], [0, 0, 0, 5])  # recall is 1 at score 0 and 0.9, nearer in binary, at 1
    assert (tied["FPR95"], tied["FPR95_nearest"], tied["FPR95_gaia"]) == (1, 0.25, 0.25)
    even = measured(range(50), [2, 2.5, 3, 9])  # recall is 0.96 at score 2 and 0.94 at 2.5 and 3: the lowest score
    assert (even["FPR95"], even["FPR95_nearest"], even["FPR95_gaia"]) == (1, 1, 0.75)


def test_perfect_and_reversed_scores():
    for name, value in measured(range(10, 30), range(10)).items():
        assert value == (0 if name.startswith("FPR95") else 1), name
    wrong = measured(range(10), range(10, 30))
    assert (wrong["AUROC"], wrong["AUROC_pairwise_flip"]) == (0, 1)
    assert {wrong[name] for name in FPR95} == {1}


@pytest.mark.parametrize("seed", range(60))
def test_weights_are_repetitions(seed):
    """Bootstrap counts, zeros among them, give what the resampled images would; a column per draw."""
    rng = np.random.default_rng(seed)
    ids, oods = draw(seed)
    weights = [
        rng.multinomial(len(part), np.full(len(part), 1 / len(part)), size=4).T.astype(float) for part in (ids, oods)
    ]
    together = measured(ids, oods, *weights)
    for place, (of_ids, of_oods) in enumerate(zip(*(part.T for part in weights), strict=True)):
        repeated = measured(np.repeat(ids, of_ids.astype(int)), np.repeat(oods, of_oods.astype(int)))
        assert {name: values[place] for name, values in together.items()} == pytest.approx(repeated, abs=1e-12)
        exact = sklearn_values(ids, oods, np.concatenate([of_ids, of_oods]))
        assert {name: together[name][place] for name in exact} == pytest.approx(exact, abs=1e-12)
        assert together["FPR95"][place] <= 1 and set(INTERVALS) <= set(together)


@pytest.mark.parametrize("transform", [lambda s: 3 * s - 7, np.exp, lambda s: np.sign(s) * np.abs(s) ** 3, np.arctan])
def test_monotone_transforms_change_nothing(transform):
    for seed in range(20):
        ids, oods = draw(seed)
        assert measured(transform(ids), transform(oods)) == measured(ids, oods)
