"""Printed numbers and ours as the tables have them, and the figure of their differences."""

import re

import pandas as pd
import pytest
from benchmark import TABLES, evidence

from ood.artifacts import agreement


@pytest.fixture
def given(tmp_path):
    return evidence(tmp_path, [0.90, 0.91, 0.92])


def test_pairs_are_the_tables_entries_in_percent(given):
    found = agreement.pairs(given, "mnist")
    assert set(found["artifact"]) == {"IGOE-T2"} and set(found["metric"]) == {"AUROC"}
    table = TABLES["IGOE-T2"](given, "mnist").entries(given)
    both = table[(table["difference"] != "") & (table["row"] != "U=norm1 V=varsum_mean")]  # a second reading
    assert sorted(found["printed"]) == pytest.approx(sorted(100 * float(text) for text in both["printed"]))
    assert (found["printed"] + found["difference"]).unique() == pytest.approx([91.0])
    assert found["noise"].unique() == pytest.approx(100 * both["noise"].unique())
    assert found["agrees"].sum() == (~both["difference"].str.endswith("*")).sum()
    assert list(found["agrees"]) == list(found["difference"].abs() <= found["noise"])


def test_a_number_that_two_tables_print_counts_once(tmp_path):
    """TV, VarSum, GradNorm and ExGrad, which Table 2 has too; of Appendix A remain S2, S3, S5 and S6, shallow."""
    given = evidence(tmp_path, [0.90, 0.91, 0.92], detectors=["gradnorm", "exgrad", "encoding_output", "gradients"])
    found = agreement.pairs(given, "mnist")
    assert found["artifact"].value_counts().to_dict() == {"IGOE-T2": 9, "IGOE-A1": 4}
    assert found["quantity"].is_unique


def test_every_printed_table_of_scores_is_compared():
    """But for times, and averages over six pairs, which no benchmark of ours has."""
    assert set(agreement.TABLES) | set(agreement.ACROSS) | {"GAIA-S-T1", "IGOE-T1", "IGOE-T3"} == set(TABLES)


def test_those_furthest_beyond_noise_come_first_and_are_named(given, monkeypatch):
    figures = []
    monkeypatch.setattr(agreement, "save", lambda evidence, figure, *said: figures.append(figure))
    found = agreement.pairs(given, "mnist")
    beyond = found["difference"].abs() - found["noise"]
    assert beyond.is_monotonic_decreasing and {True, False} == set(found["agrees"])
    agreement.agreement(given, "mnist")
    (axis,), (artifacts, named) = figures[0].axes, figures[0].legends
    assert [text.get_text() for text in artifacts.get_texts()] == ["IGOE-T2"]
    some = found[~found["agrees"]].head(agreement.NAMED)
    assert [text.get_text() for text in axis.texts] == [str(place + 1) for place in range(len(some))]
    assert axis.texts[0].xy == (some["printed"][0], some["difference"][0])
    assert named.get_texts()[0].get_text() == f"1  IGOE-T2: {some['label'][0]}, Svhn grey corner"


def said(given) -> dict[str, str]:
    """The numbers of the figure by what they are; those in its caption go by their ids."""
    table, caption = pd.read_csv(given.out / "AGREEMENT.mnist.csv", dtype=str), given.out / "AGREEMENT.mnist.tex"
    assert set(re.findall(r"\\ours{(.*?)}", caption.read_text())) == set(table["id"])
    return dict(zip(table["column"], table["ours"], strict=True))


def test_the_figure_counts(given):
    found = agreement.pairs(given, "mnist")
    agreement.agreement(given, "mnist")
    numbers = {
        "within noise": found["agrees"].sum(),
        "compared": len(found),
        "median noise": f"{found['noise'].median():.2f}",
    }
    assert said(given) == {what: str(number) for what, number in numbers.items()}


def test_without_the_methods_of_the_print_the_figure_is_empty(tmp_path):
    """GAIA's CIFAR-10, but GAIA was not run."""
    given = evidence(tmp_path, [0.9, 0.91], reproduces="cifar10")
    agreement.agreement(given, "mnist")
    assert said(given) == {"within noise": "0", "compared": "0", "median noise": "none"}
