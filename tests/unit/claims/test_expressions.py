"""The language of claims on hand-made numbers: what it says, how sure it is, what it refuses."""

import re

import numpy as np
import pytest
from scipy import stats

from ood.claims.expressions import Expression, Number
from ood.errors import Problem

GROUPS = {name: [name] for name in "abcd"} | {"others": ["b", "c", "d"], "every": ["a", "b", "c", "d"]}
VALUES = {"a": 90.0, "b": 80.0, "c": 85.0, "d": 70.0}
CHANGE = {"near": 0.0, "far": 5.0}


class Table:
    """AUROC by term, a little higher on the far set except for b; FPR95 is 100 less it. No error."""

    sets = ["near", "far"]
    within = 1.0

    def number(self, metric: str, term: str, place: str | None) -> Number:
        value = VALUES[term] + (-1 if term == "b" else 1) * (2.5 if place is None else CHANGE[place])
        return Number(value if metric == "AUROC" else 100 - value)


class Noisy(Table):
    """Every number with independent draws of a standard deviation of 1."""

    def number(self, metric: str, term: str, place: str | None) -> Number:
        found = super().number(metric, term, place)
        drawn = np.random.default_rng([ord(term), len(metric), len(place or "")]).normal(size=500)
        drawn = (drawn - drawn.mean()) / drawn.std(ddof=1)
        return found._replace(seeds=np.array([found.value]), draws=found.value + drawn)


def judged(text: str, world=None):
    return Expression(text, GROUPS, ["near", "far"]).judge(world or Table())


@pytest.mark.parametrize(
    ("text", "margin"),
    [
        ("auroc(a) > auroc(b)", 15),
        ("auroc(b) < auroc(a)", 15),
        ("fpr95(a) < fpr95(b)", 15),
        ("auroc(a, near) > auroc(b, near)", 10),
        ("auroc(a, far) > auroc(b, far)", 20),
        ("auroc(b) > auroc(a)", -15),
        ("auroc(a) > auroc(others)", 5),  # over c
        ("auroc([b, c]) > auroc(d)", 5),  # b over d
        ("auroc(every - [a, c]) < auroc(c)", 10),  # b under c
        ("auroc(a) > auroc(c) > auroc(b)", 5),
        ("auroc(a) > auroc(b) > auroc(c)", -10),
        ("auroc(a) > auroc(b) or auroc(b) > auroc(a)", 15),
        ("auroc(a) > auroc(b) and auroc(b) > auroc(a)", -15),
        ("not auroc(b) > auroc(a)", 15),
        ("max(auroc(others)) > 87", 0.5),
        ("min(auroc(others)) < auroc(b)", 5),
        ("abs(auroc(b) - auroc(a)) > 14", 1),
        ("auroc(a) + 1 > auroc(b) + 2", 14),
        ("all(auroc(x) > 75 for x in every)", -2.5),
        ("any(auroc(x) > 75 for x in others)", 12.5),
        ("at_least(2, (auroc(x) > 75 for x in others))", 2.5),
        ("at_least(3, (auroc(x) > 75 for x in others))", -2.5),
        ("at_least(1, auroc(a) > 80, auroc(a) > 90)", 12.5),
        ("all(auroc(a, s) > auroc(b, s) for s in sets)", 10),
        ("max(auroc(a, s) for s in sets) - min(auroc(a, s) for s in sets) < 6", 1),
        ("any(all(auroc(x, s) > auroc(every - x, s) for s in sets) for x in every)", 5),  # a, over c
        ("near(auroc(a) - auroc(b), 14)", 0.5),  # 1 from 14, within 1 and half a unit
        ("near(auroc(a) - auroc(b), 17)", -0.5),
        ("near(auroc(a) - auroc(b), 13.0, 2)", 0),
    ],
)
def test_what_an_expression_says(text, margin):
    found = judged(text)
    assert found.margin.value == pytest.approx(margin, abs=1e-6)
    assert (found.holds, found.fails) == ((0, 1) if margin > 0 else (1, 0) if margin < 0 else (1, 1))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("auroc(a) > auroc(others)", "auroc(a) > auroc(c)"),
        ("fpr95([b, c]) < fpr95(d)", "fpr95(d) > fpr95(b)"),
        ("auroc(a) > auroc(b) > auroc(c)", "auroc(b) > auroc(c)"),
        ("not auroc(b) > auroc(a)", "not auroc(b) > auroc(a)"),
        ("max(auroc(others)) > 87", "auroc(c) > 87"),
        ("abs(auroc(b) - auroc(a)) > 14", "abs(auroc(b) - auroc(a)) > 14"),
        ("max(auroc(a, s) for s in sets) - min(auroc(a, s) for s in sets) < 6", "6 > auroc(a, far) - auroc(a, near)"),
        ("at_least(2, (auroc(x) > 75 for x in others))", "auroc(b) > 75"),
        ("any(all(auroc(x, s) > auroc(every - x, s) for s in sets) for x in every)", "auroc(a, far) > auroc(c, far)"),
    ],
)
def test_what_decides_is_named_and_has_the_same_margin(text, name):
    found = judged(text).margin
    assert found.name == name and judged(name).margin.value == found.value


def test_what_decides_about_a_stated_difference_is_its_nearer_bound():
    assert judged("near(auroc(a) - auroc(b), 17)").margin.name == "auroc(a) - auroc(b) - 17 > -1.5"
    assert judged("near(auroc(a) - auroc(b), 13.0, 2)").margin.name == "2 > auroc(a) - auroc(b) - 13"


def test_an_equal_number_decides_nothing():
    found = judged("auroc(a) > auroc(a)")
    assert (found.holds, found.fails, found.margin.value) == (1, 1, 0)


def test_how_sure_a_comparison_is():
    found = judged("auroc(c) > 86", Noisy())
    assert (found.holds, found.fails) == pytest.approx((stats.t.sf(1.5, 499), stats.t.cdf(1.5, 499)), rel=1e-6)
    spread = np.hypot(1, 1)
    margin = judged("auroc(c) - auroc(b) > 9", Noisy()).margin
    assert margin.value == pytest.approx(1) and margin.draws.std(ddof=1) == pytest.approx(spread, rel=0.1)


def test_equal_draws_cancel():
    """A term against itself and a shift has no error: the images are the same on both sides."""
    found = judged("auroc(a) + 1 > auroc(a)", Noisy())
    assert (found.holds, found.fails, found.margin.value) == (0, 1, 1)


def test_how_sure_a_condition_of_several_is():
    """All: as its least sure part. Any: Bonferroni over the parts. Two of three: twice the second smallest."""
    texts = ["auroc(b) > 77", "auroc(c) > 88", "auroc(d) > 72.2"]  # margins of 0.5, -0.5 and 0.3
    parts = [judged(text, Noisy()) for text in texts]
    holds, fails = (sorted(getattr(part, name) for part in parts) for name in ("holds", "fails"))
    cases = {3: (holds[2], 3 * fails[0]), 2: (2 * holds[1], 2 * fails[1]), 1: (3 * holds[0], fails[2])}
    for k, expected in cases.items():
        found = judged(f"at_least({k}, {', '.join(texts)})", Noisy())
        assert (found.holds, found.fails) == pytest.approx(tuple(min(p, 1) for p in expected), rel=1e-9)
    assert judged(" or ".join(texts), Noisy())[:2] == pytest.approx((min(3 * holds[0], 1), fails[2]))
    assert judged(" and ".join(texts), Noisy())[:2] == pytest.approx((holds[2], min(3 * fails[0], 1)))
    opposite = judged(f"not ({' and '.join(texts)})", Noisy())
    assert (opposite.holds, opposite.fails) == pytest.approx((min(3 * fails[0], 1), holds[2]))


def test_max_takes_the_largest_of_each_draw():
    number = judged("max(auroc([a, c])) > 0", Noisy()).margin
    parts = [Noisy().number("AUROC", term, None).draws for term in "ac"]
    assert number.draws == pytest.approx(np.maximum(*parts))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("auroc(a) >", "is not an expression"),
        ("auroc(a)", "a comparison or one of all, any"),
        ("auroc(e) > 1", "unknown term or group 'e'"),
        ("auroc(a, nera) > 1", "unknown OOD set 'nera'. Did you mean 'near'?"),
        ("auroc(a) >= 1", "a comparison by > or <"),
        ("acc(a) > 1", "a number or one of auroc, fpr95, ms"),
        ("__import__('os').system('true') > 1", "a number or one of"),
        ("(lambda: 1)() > 0", "a number or one of"),
        ("auroc(a).value > 1", "a number or one of"),
        ("auroc('a') > 1", "a term, a group, or a list"),
        ("'a' > 1", "a number or one of"),
        ("near(auroc(others), 1)", "'near(auroc(others), 1)': one number on each side is expected"),
        ("near(1, 1, auroc(others))", "one number on each side is expected"),
        ("near(auroc(a), auroc(b), 1, 2)", "near(x, y) or near(x, y, within) is expected"),
        ("near(auroc(a), auroc(b), within=1)", "near(x, y) or near(x, y, within) is expected"),
        ("near(auroc(a))", "near(x, y) or near(x, y, within) is expected"),
        ("max(auroc(a), 50) > 1", "'max(auroc(a), 50)': a function of numbers of terms alone is expected"),
        ("abs(auroc(a) - 50) > 1", "numbers of terms alone"),
        ("min(auroc(x) - 1 for x in others) > 1", "numbers of terms alone"),
        ("at_least(4, (auroc(x) > 1 for x in others))", "a number from 1 to 3"),
        ("all(auroc(x) > 1 for x in others if x)", "a comparison or one of"),
        ("all(auroc(x) > 1 for x in every - every)", "nothing to compare"),
    ],
)
def test_what_is_refused(text, said):
    with pytest.raises(Problem, match=re.escape(said)):
        judged(text)
